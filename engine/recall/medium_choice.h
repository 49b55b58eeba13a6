// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

// Which medium is loaded next. Pure policy.
//
// Work that has waited long counts more: twice as much every half hour. What there is to do on a
// medium, divided by what it costs to mount it and to do it, says which one is next; but nobody
// waits for ever: of media that have kept somebody waiting longer than `patience`, the one with the
// oldest request is next. A medium that need not be moved is mounted for nothing, so that only who
// came first counts, and it is never behind a cartridge that may wait.
//
// Threads: none.

namespace mixtape::recall {

struct MediumWork {
  std::string label;
  bool moves = false;   // A cartridge, that has to be brought to a drive first.
  bool loaded = false;  // It is in our drive.
  std::size_t requests = 0;
  std::uint64_t bytes = 0;
  double aged = 0;  // The sum of aged().
  std::chrono::duration<double> oldest{0};
};

// How much a request counts that has waited so long.
[[nodiscard]] double aged(std::chrono::duration<double> waited);

// Whether who waits on it is served before anything that has not waited so long.
[[nodiscard]] bool is_overdue(bool moves, std::chrono::duration<double> waited,
                              std::chrono::duration<double> patience);

// Index into `works`; nullopt when there are none.
[[nodiscard]] std::optional<std::size_t> choose_medium(std::span<const MediumWork> works,
                                                       std::chrono::duration<double> patience);

}  // namespace mixtape::recall
