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
// Errors:  throws Error{invalid} for a member that cannot be written (absolute name; "..", "." or
//          empty component; more attributes or extents than the limits below), Error{corrupt} for
//          archives that are none, Error{unsupported} for kinds of members that we never write.
//          Every size read is bounded.
// Threads: none; values.

namespace mixtape::format {

inline constexpr std::uint64_t kTarBlock = 512;
// Two zero blocks end an archive.
inline constexpr std::uint64_t kTarEnd = 2 * kTarBlock;
// One member's pax records, and everything else that is said in front of its header. A file has one
// name (4 KiB), one link target (4 KiB) and extended attributes, of which ext4 holds 64 KiB and XFS
// more; what is larger than this is an attack.
inline constexpr std::uint64_t kMaxPaxSize = 1 * MiB;
// Extension members in front of one member: we write one, others one of each of four kinds.
inline constexpr std::size_t kMaxExtensions = 128;
// All global pax records of an archive together: we write none, others a comment.
inline constexpr std::uint64_t kMaxGlobalPax = 64 * KiB;
// Data extents of one sparse file: 16 MiB in memory, enough for an image of 8 GiB of which every
// other 4 KiB is a hole.
inline constexpr std::size_t kMaxSparseExtents = std::size_t{1} << 20;

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
  // As SCHILY.xattr.*; POSIX ACLs (system.posix_acl_*) in words as SCHILY.acl.* too.
  std::vector<std::pair<std::string, std::string>> xattrs;
  // Data extents of a sparse file in order, of whole blocks (GNU sparse 1.0); nullopt: not sparse.
  std::optional<std::vector<SparseExtent>> sparse;
  // Hardlink that only saves space: same content, own metadata. We restore an independent file.
  bool same_content = false;
  bool operator==(const TarMember&) const = default;
};

// Everything in front of the member's data. The map of a sparse member belongs to the stored data
// and is returned apart.
struct TarHeader {
  Bytes blocks;      // pax extended header and ustar header: whole blocks.
  Bytes sparse_map;  // Empty when not sparse; the stored data begin with it.
  // Data bytes that follow `blocks`, map included, padding to 512 not included.
  std::uint64_t stored_size = 0;
};
// Cost: one allocation; under half a microsecond for a small file.
TarHeader encode_header(const TarMember& member);

// The same sizes without building anything: an archive is planned to the byte before it is written.
struct TarSize {
  std::uint64_t header = 0;  // What TarHeader::blocks will hold.
  std::uint64_t stored = 0;  // What TarHeader::stored_size will be.
  [[nodiscard]] std::uint64_t total() const { return header + round_up(stored, kTarBlock); }
};
TarSize measure_member(const TarMember& member);

// The extents that a file system tells (in order, not empty, inside the file), widened to whole
// blocks and joined where they then touch: fit for TarMember::sparse.
std::vector<SparseExtent> whole_blocks(const std::vector<SparseExtent>& extents,
                                       std::uint64_t real_size);

// Whether a block is one with which encode_header begins a member that needs more than a plain
// header: where a reader who has lost its place may take an archive up again. In an archive of
// ours that lies inside of the archive there are such blocks too.
[[nodiscard]] bool begins_member(ByteView block);
// The file, directory or symlink of which a block is the whole header, to the bit as encode_header
// writes it; nullopt: it is none. Where the records that stood before it are lost, what only they
// said is lost too: parts of a second, attributes, long names of owners. A name that may have been
// cut is none.
[[nodiscard]] std::optional<TarMember> plain_member(ByteView block);

// What a member takes in an archive: header blocks, stored data and padding.
std::uint64_t member_size(const TarHeader& header);

// Reads an archive from front to end: ours, and what GNU tar, bsdtar and Python write. Names come
// out relative, without "." components (the archive's own root is "."); one that would leave the
// tree is Error{corrupt}, and so is the end of an archive that lacks its two zero blocks.
class TarReader {
 public:
  explicit TarReader(ByteSource& in);
  // The next member, standing before its data; nullopt at the end of the archive. Skips unread
  // data. `offset` and `data_offset` count from the beginning of the source.
  struct Found {
    TarMember member;
    std::uint64_t offset = 0;       // Of its first header block, pax blocks included.
    std::uint64_t data_offset = 0;  // Of its stored data; a sparse member's begin with the map.
    std::uint64_t stored_size = 0;
  };
  std::optional<Found> next();
  // Data of the current member, holes filled with zeros; 0 at its end.
  std::size_t read(MutableBytes into);

 private:
  struct Headers;
  Headers read_headers();
  void read_exactly(MutableBytes into);
  void skip(std::uint64_t size);
  Bytes read_extension(Headers& headers);
  void read_sparse_map(std::uint64_t real_size);

  ByteSource& in_;
  std::uint64_t position_ = 0;
  bool ended_ = false;
  Bytes global_pax_;               // Records of all global headers so far, in order.
  std::uint64_t stored_left_ = 0;  // Data of the current member not yet read from the source.
  std::uint64_t padding_ = 0;      // Behind them.
  std::uint64_t size_ = 0;         // Of the current member, holes included.
  std::uint64_t logical_ = 0;      // How far `read` came in it.
  std::vector<SparseExtent> extents_;
  std::size_t extent_ = 0;  // The one that `logical_` is in or before.
};

// The map at the front of a sparse member's stored data, decoded as it comes; at most
// kMaxSparseExtents and an end marker.
class SparseMap {
 public:
  explicit SparseMap(std::uint64_t real_size) : real_size_(real_size) {}
  // Takes the next stored bytes; returns how many of them the map took: all until it is whole.
  std::size_t take(ByteView stored);
  [[nodiscard]] bool is_whole() const { return numbers_left_ == 0 && size_ % kTarBlock == 0; }
  // Those that are not empty, in order, inside the real size.
  [[nodiscard]] const std::vector<SparseExtent>& extents() const { return extents_; }

 private:
  void take_line();

  std::uint64_t real_size_;
  std::vector<SparseExtent> extents_;
  std::string line_;                // As much of it as has come.
  std::uint64_t size_ = 0;          // Bytes taken.
  std::uint64_t numbers_left_ = 1;  // The first one is the count of extents.
  bool counted_ = false;
  std::optional<std::uint64_t> offset_;  // Of an extent whose size is still to come.
  std::uint64_t end_ = 0;                // Of the last extent.
};

}  // namespace mixtape::format
