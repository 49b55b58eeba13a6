// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

#include "engine/recall/extent.h"

// Which records and chunks hold a range of an archive's plaintext: the arithmetic behind one seek.
//
// Format:  archaeology/tape-format.md, section "Offsets"
// Units:   bytes; chunks and records from 0, counted within the archive.
// Errors:  throws Error{corrupt} for numbers that no archive can have: they come from a catalog,
//          and catalogs come from media.
// Threads: pure functions.

namespace mixtape::recall {

struct ReadPlan {
  std::uint64_t first_chunk = 0, end_chunk = 0;    // Half open.
  std::uint64_t first_record = 0, end_record = 0;  // Half open.
  std::uint64_t skip_in_record = 0;                // In the first record, before the first chunk.
  std::uint64_t skip_in_chunk = 0;  // In the first chunk's plaintext, before the range.
  bool operator==(const ReadPlan&) const = default;
};

// A range of plaintext, not empty.
struct PlainRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// How to read `range` of the archive.
[[nodiscard]] ReadPlan plan_read(const Archive& archive, PlainRange range);

// How many chunks the archive has (at least one).
[[nodiscard]] std::uint64_t chunks_in(const Archive& archive);

// Plaintext in one chunk: full but for the last.
[[nodiscard]] std::size_t plain_in_chunk(const Archive& archive, std::uint64_t chunk);

// Where reading begins on a medium; in the order in which the head comes by.
struct Spot {
  std::uint64_t block = 0;   // The record that holds the beginning of the first chunk.
  std::uint64_t offset = 0;  // In the archive's plaintext.
  auto operator<=>(const Spot&) const = default;
};

// Where the one seek for a copy goes, and for what begins at an offset of an archive's plaintext.
[[nodiscard]] Spot spot_of(const Extent& extent);
[[nodiscard]] Spot spot_in(const Archive& archive, std::uint64_t offset);

}  // namespace mixtape::recall
