// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/format/age_header.h"
#include "engine/recall/extent.h"
#include "engine/recall/extent_map.h"
#include "engine/recall/tape_model.h"
#include "tapeio/tape_drive.h"

// The plaintext of the archives on one loaded medium: seek once, then read forward.
//
// A range costs one locate straight to its first record; header and nonce come with the Archive, so
// the archive's beginning is never visited. A range that begins in the record just read, or so
// little behind it that reading on takes no longer than a locate, costs none: the head reads
// through.
//
// That the right medium is loaded needs no extra seek to its label: only the archive whose header
// is in the catalog authenticates against the key in it, and any other medium fails the first
// chunk.
//
// Threads: none; belongs to one thread, with its drive.
// Errors:  throws what the drive throws, AgeError, and Error{corrupt} where records are not the
//          archive's. After an exception the object is still good: the next range locates anew.
// Memory:  one record, two chunks, and those that are kept.

namespace mixtape::recall {

class ArchiveReader {
 public:
  // `drive` has just been loaded; `identities` must outlive this object.
  ArchiveReader(std::unique_ptr<tapeio::TapeDrive> drive,
                std::span<const format::Identity> identities);

  // Gives the range in order, at most a chunk at a time, every byte authenticated. `each` returns
  // false to stop. The view is valid only during the call.
  using Each = std::function<bool(ByteView plain)>;
  void read(const Archive& archive, PlainRange range, const Each& each);

  // What the view of `each` lies in, for who wants it longer than the call: the next chunk then
  // goes elsewhere, to what `spare` gives, or to new memory.
  using Chunk = std::shared_ptr<Bytes>;
  [[nodiscard]] const Chunk& keep_chunk() {
    chunk_kept_ = true;
    return chunk_;
  }
  // Gives memory that nobody keeps any more, or none; on the thread that reads.
  void take_spare_from(std::function<Chunk()> spare) { spare_ = std::move(spare); }

  // Takes the head to the beginning, for whoever loads the medium next. Nothing is read afterwards.
  void rewind() { drive_->rewind(); }

  // The first spot at hand without moving back: the chunk opened last begins there.
  [[nodiscard]] Spot at() const { return at_; }
  // Whether a copy can be reached by reading on from there.
  [[nodiscard]] bool reaches(const Extent& extent) const;

  // How the loaded medium is positioned; asked of the drive once, for the medium of this archive.
  [[nodiscard]] const TapeModel& tape(const Archive& archive);
  // The block under the head, while that is known: not before the first read.
  [[nodiscard]] std::optional<std::uint64_t> block() const { return head_; }
  // How long the locates took since the last call, on the drive's own clock where it is not the
  // wall's; on tapes whose wraps are known, the last thousand.
  [[nodiscard]] std::vector<order::LocateSample> take_located() {
    return std::exchange(located_, {});
  }
  // The drive's own idea of an order of reading; null where it has none.
  [[nodiscard]] tapeio::AccessOrder* access_order() { return drive_->features().access_order; }

 private:
  // Makes `archive` the one whose key is at hand.
  void open(const Archive& archive);
  // Makes record_ hold this block.
  void read_block(const Archive& archive, std::uint64_t block);
  // Whether the gap between head and block is read through.
  [[nodiscard]] bool near(std::uint64_t block) const;
  // Brings the head before this block, reading through a short gap.
  void approach(const Archive& archive, std::uint64_t block);
  void locate(std::optional<std::uint64_t> from, std::uint64_t block);
  [[nodiscard]] double drive_seconds();
  // Makes chunk_ hold the plaintext of this chunk.
  void open_chunk(const Archive& archive, std::uint64_t chunk);

  std::unique_ptr<tapeio::TapeDrive> drive_;
  std::span<const format::Identity> identities_;
  std::optional<format::AgePreamble> key_;

  std::optional<TapeModel> tape_;      // Once it was asked for.
  std::optional<std::uint64_t> head_;  // The block under it, while that is known.
  std::vector<order::LocateSample> located_;
  std::optional<std::uint64_t> record_block_;
  Bytes record_;

  std::optional<std::uint64_t> chunk_index_;  // Of the archive that key_ opens.
  Chunk chunk_ = std::make_shared<Bytes>();
  bool chunk_kept_ = false;
  std::function<Chunk()> spare_;
  Bytes sealed_;
  Spot at_;
};

}  // namespace mixtape::recall
