// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tapeio/lto/positioning.h"
#include "tapeio/tape_drive.h"

// Which block address lies how many bytes behind the beginning of data: what a drive knows of the
// tape in it, kept as runs of objects of one size.
//
// Units:   host bytes; block addresses from 0.
// Threads: none.
// Cost:    O(log runs) a question; a tape file has two runs, its records and its filemark, when all
//          its records have one size.

namespace mixtape::tapeio::lto {

// What a filemark takes on the tape; the same as on media that are directories.
inline constexpr std::uint64_t kFilemarkOnTape = 4 * KiB;

class TapeMap {
 public:
  // What is on the medium in `drive`, as far as it can be learnt cheaply: filemarks by spacing over
  // them, the size of records by reading the first one; all records are taken to have it. Moves the
  // head, which stands at the beginning afterwards. A medium that cannot be read is an empty map.
  [[nodiscard]] static TapeMap of(TapeDrive& drive);

  void append(std::uint64_t size, std::uint64_t count = 1);
  // Everything from `block` on is gone.
  void truncate(std::uint64_t block);
  // Makes the map reach to `block` at least: what is not known is taken to be records like the
  // last one.
  void extend_to(std::uint64_t block);

  [[nodiscard]] std::uint64_t end_block() const { return end_block_; }
  [[nodiscard]] std::uint64_t end_bytes() const { return end_bytes_; }
  // Where the object `block` begins; at most the end.
  [[nodiscard]] std::uint64_t bytes_before(std::uint64_t block) const;
  // The object that holds this byte; end_block() from end_bytes() on.
  [[nodiscard]] std::uint64_t block_at(std::uint64_t bytes) const;

  // The block address of the last object of each wrap that has data, in order.
  [[nodiscard]] std::vector<std::uint64_t> ends_of_wraps(const CartridgeGeometry& geometry) const;

 private:
  struct Run {
    std::uint64_t first_block, first_byte, size;
  };
  std::vector<Run> runs_;
  std::uint64_t end_block_ = 0;
  std::uint64_t end_bytes_ = 0;
  std::uint64_t record_size_ = MiB;  // Of the last record seen; what mixtape writes until then.
};

}  // namespace mixtape::tapeio::lto
