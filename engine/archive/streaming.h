// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/catalog/types.h"
#include "tapeio/tape_drive.h"

// What keeps a tape moving. A drive slows down to the source as far as it can; below the lowest
// speed that it matches, or when nothing comes, the tape stops, backs up and starts anew, which
// takes seconds and wears it.
//
// Threads: none; the thread of the drive.

namespace mixtape::archive {

// Disks wait for nobody; whatever else moves a tape.
[[nodiscard]] bool is_streaming(const catalog::Medium& medium);

// When records go from the ring to the drive: not before the ring is three quarters full, then for
// as long as there is one, and when there was none, again only from a ring that is so full. So a
// source that is slow costs few long stops instead of many short ones, and one that keeps up on
// average costs none. What happens between two records is the drive's matter: while the ring holds
// data, the drive never waits for us.
class DriveFeed {
 public:
  // `ring_records`: what the ring holds. Not `streaming`: each record goes as it comes.
  DriveFeed(bool streaming, std::size_t ring_records)
      : start_records_(streaming ? ring_records / 4 * 3 : 1), streaming_(streaming) {}

  // How many records must be ready before the next one is written, when `ready` are now and `left`
  // (at least 1) are still to be written. Ask once for each record.
  [[nodiscard]] std::size_t wanted(std::size_t ready, std::uint64_t left);
  // How often the ring ran empty after the start, with more to come.
  [[nodiscard]] std::uint64_t underruns() const { return underruns_; }

 private:
  const std::size_t start_records_;
  const bool streaming_;
  bool running_ = false;
  std::uint64_t underruns_ = 0;
};

// How well a job kept a tape moving.
struct Streaming {
  // The ring ran empty with more to come or, where the drive counts it, its buffer did.
  std::uint64_t underruns = 0;
  // How often the drive stopped the tape and backed up, filemarks included; nullopt: it does not
  // count that.
  std::optional<std::uint64_t> repositions = std::nullopt;
  // What the drive took, and for how long it kept us waiting for that.
  std::uint64_t bytes = 0;
  double taking_s = 0;
};

// As the drive counts since its medium was loaded; nullopt: it does not count that, or cannot tell
// now, which is no Error: a report is no reason to fail.
struct DriveCounts {
  std::optional<std::uint64_t> underruns, repositions;
};
[[nodiscard]] DriveCounts counts_of(tapeio::TapeDrive& drive);
// What came since an earlier user of the same load.
[[nodiscard]] DriveCounts counts_since(const DriveCounts& before, const DriveCounts& now);

}  // namespace mixtape::archive
