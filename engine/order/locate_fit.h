// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <span>

// What one drive really needs, learnt from what its model said and what it took: for each way of
// lying of a target, a scale and an offset.
//
// The estimate is that of Theil and Sen, a median of the slopes between all pairs: a quarter of the
// samples may be nonsense (a retry, a cleaning, a stop for the host) and it does not care.
//
// Units:   seconds.
// Threads: functions of values.
// Cost:    quadratic in the samples of a way: some milliseconds for kMostSamples.

namespace mixtape::order {

// How a target lies, seen from a head and the wrap that it reads.
enum class Way {
  ahead,   // In its direction, or at its place.
  behind,  // Against it, on a wrap of the same direction.
  across,  // On a wrap of the other direction.
};
inline constexpr std::size_t kWays = 3;

struct LocateSample {
  Way way = Way::ahead;
  double predicted_s = 0;  // By the model as it is published, not fitted.
  double actual_s = 0;
  bool operator==(const LocateSample&) const = default;
};

// Of one way; those behind the first so many are not looked at.
inline constexpr std::size_t kMostSamples = 300;
// Fewer say nothing; fewer than the second say by how much to move, but not how to stretch.
inline constexpr std::size_t kLeastForOffset = 4;
inline constexpr std::size_t kLeastForScale = 12;

struct LineFit {
  double scale = 1, offset_s = 0;
  std::size_t samples = 0;
  // Mean distance of the samples from the model, and from this line.
  double error_before_s = 0, error_s = 0;
  [[nodiscard]] double of(double predicted_s) const { return scale * predicted_s + offset_s; }
};

using LocateFit = std::array<LineFit, kWays>;  // By Way.

[[nodiscard]] LocateFit fit_locates(std::span<const LocateSample> samples);

}  // namespace mixtape::order
