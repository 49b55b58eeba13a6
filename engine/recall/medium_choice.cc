// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/medium_choice.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

namespace mixtape::recall {
namespace {

// From one reading tape to the next, as LTO drives and small robots need it: two carries, unload
// with its rewind, load. What one request costs on top of its bytes is a mean locate in a good
// order. They only have to be right in proportion.
constexpr double kMountSeconds = 150;
constexpr double kLocateSeconds = 15;
// To the first of them, from the beginning of a tape, and for what may be under way when it is due.
constexpr double kFirstLocateSeconds = 90;
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

// What makes it due.
Seconds oldest_due(const MediumWork& work) {
  return work.is_interactive_due ? work.oldest_interactive : work.oldest;
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

bool is_due(Seconds waited, Seconds bound) {
  return waited >= kDueOfBound * bound;
}

void add(MediumWork& work, const Want& want, const FairShare& shares, Seconds neglected,
         const Bounds& bounds, bool is_first_choice) {
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
    if (is_first_choice) {
      work.left = std::min(work.left, bounds.interactive - want.waited);
    }
  }
  const bool is_due_now = !work.moves || (!is_interactive && is_due(want.waited, bounds.bulk));
  work.is_due = work.is_due || is_due_now;
  work.is_interactive_due = work.is_interactive_due || (is_due_now && is_interactive);
  if (is_interactive || is_due_now) {
    work.neglected = std::max(work.neglected, neglected);
  }
}

void find_due(std::span<MediumWork> works, Seconds mount, std::size_t drives) {
  std::vector<MediumWork*> waited_for;
  for (MediumWork& work : works) {
    if (work.moves && work.left < Seconds::max()) {
      waited_for.push_back(&work);
    }
  }
  std::ranges::sort(waited_for, {}, &MediumWork::left);
  const double mount_s = std::max(kMountSeconds, mount.count());
  double before_s = 0;
  auto not_due = waited_for.begin();
  for (auto each = waited_for.begin(); each != waited_for.end(); ++each) {
    const MediumWork& work = **each;
    const double reached_s = work.loaded ? 0 : mount_s + kFirstLocateSeconds;
    // Of several who would be late the first counts: where not all can be in time, some still are.
    const double queue_s =
        not_due == waited_for.begin() ? before_s / static_cast<double>(drives) : 0;
    if (work.left.count() <= queue_s + reached_s) {
      not_due = std::next(each);
    }
    // After a mount's worth it makes way (medium_stay.h).
    before_s +=
        reached_s + std::min(mount_s, work_seconds(work.interactive, work.interactive_bytes));
  }
  std::for_each(waited_for.begin(), not_due,
                [](MediumWork* work) { work->is_due = work->is_interactive_due = true; });
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
    return left_rank == Rank::due ? std::pair(left.neglected, oldest_due(left)) <
                                        std::pair(right.neglected, oldest_due(right))
                                  : score(left) < score(right);
  };
  const auto best = std::max_element(works.begin(), works.end(), is_less);
  return static_cast<std::size_t>(best - works.begin());
}

}  // namespace mixtape::recall
