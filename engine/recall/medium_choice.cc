// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/medium_choice.h"

#include <algorithm>
#include <cmath>

namespace mixtape::recall {
namespace {

// From one reading tape to the next, as LTO drives and small robots need it: two carries, unload
// with its rewind, load. What one request costs on top of its bytes is a mean locate in a good
// order. They only have to be right in proportion.
constexpr double kMountSeconds = 150;
constexpr double kLocateSeconds = 15;
constexpr double kBytesPerSecond = 300e6;
constexpr double kDoublesEverySeconds = 1800;
// Beyond this everything is overdue anyway; keeps sums finite.
constexpr double kMostDoublings = 100;

double score(const MediumWork& work) {
  const double mount_s = work.loaded || !work.moves ? 0 : kMountSeconds;
  const double work_s = kLocateSeconds * static_cast<double>(work.requests) +
                        static_cast<double>(work.bytes) / kBytesPerSecond;
  return work.aged / (mount_s + work_s);
}

}  // namespace

double aged(std::chrono::duration<double> waited) {
  return std::exp2(std::clamp(waited.count() / kDoublesEverySeconds, 0.0, kMostDoublings));
}

bool is_overdue(bool moves, std::chrono::duration<double> waited,
                std::chrono::duration<double> patience) {
  return !moves || waited >= patience;
}

std::optional<std::size_t> choose_medium(std::span<const MediumWork> works,
                                         std::chrono::duration<double> patience) {
  if (works.empty()) {
    return std::nullopt;
  }
  const auto is_less = [&](const MediumWork& left, const MediumWork& right) {
    const bool left_overdue = is_overdue(left.moves, left.oldest, patience);
    const bool right_overdue = is_overdue(right.moves, right.oldest, patience);
    if (left_overdue != right_overdue) {
      return right_overdue;
    }
    return left_overdue ? left.oldest < right.oldest : score(left) < score(right);
  };
  const auto best = std::max_element(works.begin(), works.end(), is_less);
  return static_cast<std::size_t>(best - works.begin());
}

}  // namespace mixtape::recall
