// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "engine/recall/asker.h"
#include "engine/recall/cache.h"
#include "engine/recall/extent.h"
#include "engine/recall/waiting_room.h"

// A request as the worker has it: what is to come, from where, and what has come of it.
//
// Threads: the worker's.

namespace mixtape::recall {

struct RecallJob {
  Content content;
  Asker asker;
  std::vector<Extent> copies;  // Those not found damaged; `chosen` is read next.
  std::size_t chosen = 0;
  bool tried_again = false;  // The chosen copy failed once with what was loaded then.
  std::shared_ptr<Cache::Incoming> incoming;
  std::uint64_t done = 0;              // Bytes in `incoming`,
  std::array<std::byte, 16> from{};    // from the copy in this bundle,
  bool mixed = false;                  // and from others.
  std::exception_ptr no_room, damage;  // Why the cache cannot take it; of the first bad copy.
  std::vector<std::array<std::byte, 16>> failed;  // Bundles whose copies did.
  bool has_last_resort = false;                   // `copies` were found damaged before.
  std::optional<WaitingRoom::Clock::time_point> absent_since;
  WaitingRoom::Clock::time_point since;  // When it was asked for.
};

}  // namespace mixtape::recall
