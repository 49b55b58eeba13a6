// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/medium_stay.h"

#include <algorithm>

namespace mixtape::recall {
namespace {

// In mounts: what is only queued loses a tape to somebody who waits when it had it for so long and
// needs it for so long; leaving it and coming back is two of them. Itself it waits for hours, and
// gets a tape that others had for so long when it is due.
constexpr double kTurnOfLoaded = 3;
constexpr double kTurnBeforeQueued = 9;

bool gives_way_to(const MediumWork& other, bool is_waited_for, const Sweep& sweep) {
  if (other.is_interactive_due) {
    return sweep.since_mount >= sweep.mount_worth;
  }
  if (is_waited_for) {
    return false;
  }
  if (other.interactive > 0) {
    return other.oldest_interactive >= sweep.mount_worth &&
           std::min(sweep.left, sweep.since_mount) > kTurnOfLoaded * sweep.mount_worth;
  }
  return other.is_due && sweep.since_mount >= kTurnBeforeQueued * sweep.mount_worth;
}

}  // namespace

bool makes_way(std::span<const MediumWork> works, const Sweep& sweep) {
  const bool is_waited_for = std::any_of(works.begin(), works.end(), [](const MediumWork& work) {
    return work.loaded && work.interactive > 0;
  });
  return std::any_of(works.begin(), works.end(), [&](const MediumWork& work) {
    return !work.loaded && gives_way_to(work, is_waited_for, sweep);
  });
}

bool is_due_elsewhere(std::span<const MediumWork> works) {
  return std::any_of(works.begin(), works.end(),
                     [](const MediumWork& work) { return !work.loaded && work.is_due; });
}

Seconds kept_for(std::span<const MediumWork> works, const Sweep& sweep) {
  if (is_due_elsewhere(works)) {
    return Seconds(0);
  }
  const bool is_waited_elsewhere =
      std::any_of(works.begin(), works.end(),
                  [](const MediumWork& work) { return !work.loaded && work.interactive > 0; });
  return sweep.is_read_on || (sweep.was_waited_for && !is_waited_elsewhere) ? sweep.mount_worth
                                                                            : Seconds(0);
}

Step next_step(std::span<const MediumWork> works, const Sweep& sweep) {
  const auto chosen = choose_medium(works);
  if (!sweep.is_over && (!chosen || works[*chosen].loaded || !makes_way(works, sweep))) {
    return {.kind = Step::Kind::go_on};
  }
  if (!chosen) {
    return {};
  }
  if (sweep.is_over && !works[*chosen].loaded) {
    const Seconds kept = kept_for(works, sweep);
    if (kept > sweep.since_served) {
      return {.kind = Step::Kind::keep, .keep = kept - sweep.since_served};
    }
  }
  return {.kind = Step::Kind::begin, .medium = *chosen};
}

}  // namespace mixtape::recall
