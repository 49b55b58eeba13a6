// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "engine/format/age_header.h"
#include "engine/recall/extent.h"
#include "engine/recall/extent_map.h"
#include "tapeio/tape_drive.h"

// The plaintext of the archives on one loaded medium: seek once, then read forward.
//
// A range costs one locate straight to its first record; header and nonce come with the Archive, so
// the archive's beginning is never visited. A range that begins in the record just read, or a
// little behind it, costs none: the head reads through.
//
// That the right medium is loaded needs no extra seek to its label: only the archive whose header
// is in the catalog authenticates against the key in it, and any other medium fails the first
// chunk.
//
// Threads: none; belongs to one thread, with its drive.
// Errors:  throws what the drive throws, AgeError, and Error{corrupt} where records are not the
//          archive's. After an exception the object is still good: the next range locates anew.
// Memory:  one record and two chunks.

namespace mixtape::recall {

// The longest gap that is read through instead of located over. A locate on LTO costs 4 s at the
// least, the time to read more than 1 GiB; on a disk it costs nothing. 64 MiB is dear to neither.
inline constexpr std::uint64_t kReadThrough = 64 * MiB;

class ArchiveReader {
 public:
  // `drive` has just been loaded; `identities` must outlive this object.
  ArchiveReader(std::unique_ptr<tapeio::TapeDrive> drive,
                std::span<const format::Identity> identities);

  // Gives the range in order, at most a chunk at a time, every byte authenticated. `each` returns
  // false to stop. The view is valid only during the call.
  using Each = std::function<bool(ByteView plain)>;
  void read(const Archive& archive, PlainRange range, const Each& each);

  // The first spot at hand without moving back: the chunk opened last begins there.
  [[nodiscard]] Spot at() const { return at_; }
  // Whether a copy can be reached by reading on from there.
  [[nodiscard]] bool reaches(const Extent& extent) const;

 private:
  // Makes `archive` the one whose key is at hand.
  void open(const Archive& archive);
  // Makes record_ hold this block.
  void read_block(const Archive& archive, std::uint64_t block);
  // Whether the gap between head and block is read through.
  [[nodiscard]] bool near(std::uint64_t block, std::uint64_t record_size) const;
  // Brings the head before this block, reading through a short gap.
  void approach(const Archive& archive, std::uint64_t block);
  // Makes chunk_ hold the plaintext of this chunk.
  void open_chunk(const Archive& archive, std::uint64_t chunk);

  std::unique_ptr<tapeio::TapeDrive> drive_;
  std::span<const format::Identity> identities_;
  std::optional<format::AgePreamble> key_;

  std::optional<std::uint64_t> head_;  // The block under it, while that is known.
  std::optional<std::uint64_t> record_block_;
  Bytes record_;

  std::optional<std::uint64_t> chunk_index_;  // Of the archive that key_ opens.
  Bytes chunk_, sealed_;
  Spot at_;
};

}  // namespace mixtape::recall
