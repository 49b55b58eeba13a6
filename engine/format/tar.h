// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tapeio/byte_stream.h"

// POSIX pax archives, as GNU tar, bsdtar and Python's tarfile read them.
//
// Format:  archaeology/tar.md; our own keywords: archaeology/tape-format.md, "Archive"
// Units:   bytes; a block is 512.
// Errors:  throws Error{invalid} for a member that cannot be written (absolute name, ".." component, empty
//          name), Error{corrupt} for archives that are none. Hostile input: every size is bounded.
// Threads: none; values.

namespace mixtape::format {

inline constexpr std::uint64_t kTarBlock = 512;
// Two zero blocks end an archive.
inline constexpr std::uint64_t kTarEnd = 2 * kTarBlock;

enum class MemberType { file, hardlink, symlink, directory, fifo, character_device, block_device };

struct SparseExtent {
  std::uint64_t offset, size;
  bool operator==(const SparseExtent&) const = default;
};

struct TarMember {
  std::string name;  // Relative; bytes. Directories without trailing slash here.
  MemberType type = MemberType::file;
  std::uint64_t size = 0;  // Files: the real size, holes included. A hardlink has none.
  std::uint32_t mode = 0;  // Permission bits.
  std::uint32_t uid = 0, gid = 0;
  std::string owner, group;
  std::int64_t mtime_ns = 0;
  std::string link_target;  // Symlinks: any bytes. Hardlinks: the name of an earlier member.
  std::uint32_t device_major = 0, device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;  // As SCHILY.xattr.*; ACLs also as SCHILY.acl.*.
  // Data extents of a sparse file in order (GNU sparse 1.0); nullopt: not sparse.
  std::optional<std::vector<SparseExtent>> sparse;
  // Hardlink that only saves space: same content, own metadata; we restore it as an independent file.
  bool same_content = false;
  bool operator==(const TarMember&) const = default;
};

// Everything in front of the member's data (pax blocks, header, sparse map), a whole number of blocks when
// the member is not sparse; for sparse ones the map belongs to the stored data and is returned apart.
struct TarHeader {
  Bytes blocks;      // pax extended header and ustar header.
  Bytes sparse_map;  // Empty when not sparse; the stored data begin with it.
  std::uint64_t stored_size = 0;  // Data bytes that follow `blocks`, map included, padding to 512 not included.
};
TarHeader encode_header(const TarMember& member);

// Exact sizes without building anything twice: header blocks, stored data and padding.
std::uint64_t member_size(const TarHeader& header);

// Reads an archive from front to end.
class TarReader {
 public:
  explicit TarReader(ByteSource& in);
  // The next member, standing before its data; nullopt at the end of the archive. Skips unread data.
  // `offset` and `data_offset` count from the beginning of the source.
  struct Found {
    TarMember member;
    std::uint64_t offset = 0;
    std::uint64_t data_offset = 0;
    std::uint64_t stored_size = 0;
  };
  std::optional<Found> next();
  // Data of the current member, holes filled with zeros; 0 at its end.
  std::size_t read(MutableBytes into);

 private:
  ByteSource& in_;
  std::uint64_t position_ = 0;
  std::uint64_t stored_left_ = 0;
  std::uint64_t padding_ = 0;
  std::uint64_t logical_ = 0;
  std::optional<Found> current_;
};

// The map at the front of a sparse member's stored data: extents, and how many bytes the map took. Returns
// nullopt when `start` holds too little of it. `real_size` bounds the extents.
std::optional<std::pair<std::vector<SparseExtent>, std::uint64_t>> decode_sparse_map(
    ByteView start, std::uint64_t real_size);

}  // namespace mixtape::format
