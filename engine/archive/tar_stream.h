// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/archive/plan.h"
#include "engine/archive/source_file.h"
#include "engine/format/age_stream.h"

// The plaintext of a planned archive, slab by slab: headers, file data read straight to its place,
// padding.
//
// Every byte stands where the plan says, whatever the sources do.
//
// Threads:  none; belongs to the thread that reads.
// Errors:   throws what format::encode_header throws. Faults of sources are collected.
// Lifetime: items and plan must outlive the stream.

namespace mixtape::archive {

// What passes from the reader to the sealers at once: large enough that a hand-over costs nothing,
// small enough that a few of them stay in the processor's cache.
inline constexpr std::size_t kSlabChunks = 16;
inline constexpr std::size_t kSlabSize = kSlabChunks * format::kChunk;

// A stretch of one file's content in a slab.
struct HashPiece {
  std::uint32_t member = 0;  // In the plan.
  std::uint32_t offset = 0;  // In the slab.
  std::uint32_t size = 0;
  bool first = false;  // Nothing of the content came before it.
  bool last = false;   // Nothing follows.
  std::uint64_t zeros_before =
      0;  // The hole in front of it; a hole at the end is a piece of size 0.
};

struct Slab {
  std::uint64_t index = 0;  // Its plaintext begins at index * kSlabSize.
  std::size_t size = 0;     // Less than kSlabSize only in the last one.
  std::unique_ptr<std::byte[]> bytes = std::make_unique_for_overwrite<std::byte[]>(kSlabSize);
  std::vector<HashPiece> pieces;  // In order; those of one member side by side.
  unsigned users = 0;             // Who still needs it; the pipeline's mutex guards this.
};

struct SourceFault {
  std::uint32_t member;
  std::string why;
};

class TarStream {
 public:
  TarStream(std::span<const Item> items, const ArchivePlan& plan);

  // Fills the next slab; false when the archive is complete.
  bool fill(Slab& slab);

  // By member, in order.
  std::vector<SourceFault> take_faults() { return std::move(faults_); }

 private:
  enum class Phase { begin, header, data, padding, tail };
  void begin_member();
  void copy_header(Slab& slab);
  void copy_data(Slab& slab);
  void end_member();
  void zeros(Slab& slab, std::uint64_t count);
  [[nodiscard]] std::size_t space(const Slab& slab, std::uint64_t wanted) const;

  std::span<const Item> items_;
  const ArchivePlan& plan_;
  SourceQueue sources_;
  std::vector<SourceFault> faults_;

  std::uint64_t slab_index_ = 0;
  Phase phase_ = Phase::begin;
  std::uint32_t member_ = 0;
  std::uint64_t left_ = 0;  // Of the present phase.
  Bytes header_;            // Blocks, and a sparse map behind them.
  SourceFile source_;
  std::vector<format::SparseExtent> extents_;
  std::size_t extent_ = 0;
  std::uint64_t in_extent_ = 0;  // Bytes of it that were read.
  std::uint64_t hashed_ = 0;     // How far in the content the pieces have come.
  bool first_piece_ = true;
};

}  // namespace mixtape::archive
