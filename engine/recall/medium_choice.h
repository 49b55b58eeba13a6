// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "engine/recall/fair_share.h"

// Which medium is loaded next. Pure policy.
//
// What somebody waits for comes before what was only queued (fair_share.h). Work that has waited
// long counts more: twice as much every half hour. What there is to do on a medium, divided by what
// it costs to mount it and to do it, says which one is next; but nobody waits for ever: as soon as
// somebody would be late if the tapes of all whose bounds end before his were brought and read one
// after the other, and then his, all these are due and come next, of several the one whose user has
// had nothing for the longest. So is what was queued and has waited for most of its bound. What is
// only queued waits for other such work until there is enough on its medium to be worth the mount;
// when nothing else is wanted it is read at once. A medium that need not be moved is mounted for
// nothing, so that only who came first counts, and it is never behind a cartridge that may wait.
//
// Threads: none.

namespace mixtape::recall {

// How long a request may wait until it is read, as long as the drives can do it at all.
struct Bounds {
  Seconds interactive = std::chrono::minutes(15);
  Seconds bulk = std::chrono::hours(24);
};

struct MediumWork {
  std::string label;
  bool moves = false;   // A cartridge, that has to be brought to a drive first.
  bool loaded = false;  // It is in our drive.
  std::size_t requests = 0;
  std::uint64_t bytes = 0;
  double aged = 0;              // The sum of shares times aged().
  Seconds oldest{0};            // Request.
  std::size_t interactive = 0;  // Of the requests; likewise:
  std::uint64_t interactive_bytes = 0;
  double interactive_aged = 0;
  Seconds oldest_interactive{0};
  Seconds left = Seconds::max();    // Until the bound of the first has passed whose choice it is.
  bool is_due = false;              // It must not be put off any more,
  bool is_interactive_due = false;  // for somebody who waits for bytes.
  Seconds neglected{0};             // The longest that the user of such a request has had nothing.
};

// How much a request counts that has waited so long.
[[nodiscard]] double aged(Seconds waited);

// A request that could be read from there. `neglected` as LastServed has it. `is_first_choice`: it
// will be, unless another medium that has it is mounted before. When all are there, find_due() has
// to follow.
void add(MediumWork& work, const Want& want, const FairShare& shares, Seconds neglected,
         const Bounds& bounds, bool is_first_choice = true);

// Whether what was queued so long ago is served before all that was not. It has the rest of the
// bound, a third, to be brought and read.
[[nodiscard]] bool is_due(Seconds waited, Seconds bound);

// Which of them are due for those who wait for bytes. `mount`: what changing a tape took. `drives`:
// so many work on them.
void find_due(std::span<MediumWork> works, Seconds mount, std::size_t drives = 1);

// Index into `works`; nullopt when there are none.
[[nodiscard]] std::optional<std::size_t> choose_medium(std::span<const MediumWork> works);

}  // namespace mixtape::recall
