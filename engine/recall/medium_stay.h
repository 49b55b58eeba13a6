// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "engine/recall/medium_choice.h"

// What a drive does next: read on, keep its tape for who reads on from it, or change it for
// another. Pure policy.
//
// Whoever keeps a tape, or takes it away too early, pays with a mount: so each may cost the others
// as much time as a mount takes, which is never worse than twice the best that could have been done
// (the ski rental rule).
//
// Threads: none.

namespace mixtape::recall {

struct Sweep {
  bool is_over = true;      // Nothing is left of what was planned on the loaded tape.
  Seconds left{0};          // Until all that is planned on it is read.
  Seconds since_mount{0};   // Of it.
  Seconds since_served{0};  // Of the last request read from it.
  Seconds mount_worth{0};   // What changing it for another takes.
  // Bytes of it were asked for while it was read, and who was read for last, or somebody who waited
  // for that, can go on asking: is not known to wait for another tape.
  bool is_read_on = false, was_waited_for = false;
};

struct Step {
  enum class Kind {
    wait,   // Nothing can be read.
    go_on,  // With what is planned.
    keep,   // The loaded tape, for so long; then ask again.
    begin,  // A sweep over `medium`, which is mounted first unless it is the loaded one.
  };
  Kind kind = Kind::wait;
  std::size_t medium = 0;  // Index into the works.
  Seconds keep{0};
};

// `works`: all media on which something could be read, the loaded one among them if so.
[[nodiscard]] Step next_step(std::span<const MediumWork> works, const Sweep& sweep);

// Whether what is asked for of the loaded tape from now on waits for its next sweep.
[[nodiscard]] bool is_due_elsewhere(std::span<const MediumWork> works);

// The parts of next_step. Whether the tape is changed before all that is planned was read,
[[nodiscard]] bool makes_way(std::span<const MediumWork> works, const Sweep& sweep);
// and for how long since the last request it is kept when nothing is left to read on it.
[[nodiscard]] Seconds kept_for(std::span<const MediumWork> works, const Sweep& sweep);

}  // namespace mixtape::recall
