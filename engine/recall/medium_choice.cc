// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/medium_choice.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace mixtape::recall {
namespace {

// From one reading tape to the next, as LTO drives and small robots need it: two carries, unload
// with its rewind, load. What one request costs on top of its bytes is a mean locate in a good
// order. They only have to be right in proportion.
constexpr double kMountSeconds = 150;
constexpr double kLocateSeconds = 15;
constexpr double kBytesPerSecond = 300e6;
constexpr double kDoublesEverySeconds = 1800;
// Beyond this everything is due anyway; keeps sums finite.
constexpr double kMostDoublings = 100;
// A mount for work of so many mounts wastes a tenth of the drive's time.
constexpr double kWorthMounts = 9;
// The rest is for those who are due before it, each of whom may need a mount.
constexpr double kDueOfBound = 2.0 / 3;

double work_seconds(std::size_t requests, std::uint64_t bytes) {
  return kLocateSeconds * static_cast<double>(requests) +
         static_cast<double>(bytes) / kBytesPerSecond;
}

// What comes before what; only what is due comes before what somebody waits for.
enum class Rank { queued, worth_a_mount, waited_for, due };

Rank rank_of(const MediumWork& work) {
  if (!work.moves || work.is_due) {
    return Rank::due;
  }
  if (work.interactive > 0) {
    return Rank::waited_for;
  }
  const bool is_worth_it =
      work.loaded || work_seconds(work.requests, work.bytes) >= kWorthMounts * kMountSeconds;
  return is_worth_it ? Rank::worth_a_mount : Rank::queued;
}

// While somebody waits only those who wait count, since they are read first.
double score(const MediumWork& work) {
  const double mount_s = work.loaded ? 0 : kMountSeconds;
  return work.interactive > 0
             ? work.interactive_aged /
                   (mount_s + work_seconds(work.interactive, work.interactive_bytes))
             : work.aged / (mount_s + work_seconds(work.requests, work.bytes));
}

}  // namespace

double aged(Seconds waited) {
  return std::exp2(std::clamp(waited.count() / kDoublesEverySeconds, 0.0, kMostDoublings));
}

bool is_due(bool moves, Seconds waited, Seconds bound) {
  return !moves || waited >= kDueOfBound * bound;
}

void add(MediumWork& work, const Want& want, const FairShare& shares, Seconds neglected,
         const Bounds& bounds) {
  const bool is_interactive = shares.is_interactive(want);
  const double counts = shares.share(want) * aged(want.waited);
  ++work.requests;
  work.bytes += want.bytes;
  work.aged += counts;
  work.oldest = std::max(work.oldest, want.waited);
  if (is_interactive) {
    ++work.interactive;
    work.interactive_bytes += want.bytes;
    work.interactive_aged += counts;
    work.oldest_interactive = std::max(work.oldest_interactive, want.waited);
  }
  if (is_due(work.moves, want.waited, is_interactive ? bounds.interactive : bounds.bulk)) {
    work.is_due = true;
    work.is_interactive_due = work.is_interactive_due || is_interactive;
    work.neglected = std::max(work.neglected, neglected);
  }
}

std::optional<std::size_t> choose_medium(std::span<const MediumWork> works) {
  if (works.empty()) {
    return std::nullopt;
  }
  const auto is_less = [&](const MediumWork& left, const MediumWork& right) {
    const Rank left_rank = rank_of(left);
    const Rank right_rank = rank_of(right);
    if (left_rank != right_rank) {
      return left_rank < right_rank;
    }
    return left_rank == Rank::due
               ? std::tie(left.neglected, left.oldest) < std::tie(right.neglected, right.oldest)
               : score(left) < score(right);
  };
  const auto best = std::max_element(works.begin(), works.end(), is_less);
  return static_cast<std::size_t>(best - works.begin());
}

}  // namespace mixtape::recall
