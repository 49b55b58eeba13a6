// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "engine/order/arcs.h"

// The best order of few requests, by dynamic programming over the sets that were read so far and
// the last of each (Held and Karp).
//
// Threads: none.
// Cost:    2^n n^2 steps: some 20 ms at kMostExact.

namespace mixtape::order {

inline constexpr Node kMostExact = 14;

// `step(read, from, to)`: cost of going from node `from` on to `to` and reading it, when the set
// `read` (bit i: node i + 1) was read before. Node 0 begins. Memory: 2^n n times 9 bytes; plans go
// to kMostExact.
template <class Cost, class Step>
[[nodiscard]] Tour exact_tour(Node nodes, const Step& step) {
  const auto count = static_cast<std::uint32_t>(nodes - 1);
  if (count == 0) {
    return {0};
  }
  const std::uint32_t all = (1u << count) - 1;
  const Cost never = std::numeric_limits<Cost>::max();
  std::vector<Cost> least((static_cast<std::size_t>(all) + 1) * count, never);
  std::vector<std::uint8_t> before(least.size(), 0);
  const auto state = [count](std::uint32_t read, std::uint32_t last) {
    return static_cast<std::size_t>(read) * count + last;
  };
  for (std::uint32_t next = 0; next < count; ++next) {
    least[state(1u << next, next)] = step(0u, Node{0}, static_cast<Node>(next + 1));
  }
  for (std::uint32_t read = 1; read < all; ++read) {
    for (std::uint32_t last = 0; last < count; ++last) {
      const Cost so_far = least[state(read, last)];
      if (so_far == never) {
        continue;
      }
      for (std::uint32_t next = 0; next < count; ++next) {
        if ((read >> next & 1u) != 0) {
          continue;
        }
        const Cost cost =
            so_far + step(read, static_cast<Node>(last + 1), static_cast<Node>(next + 1));
        if (cost < least[state(read | 1u << next, next)]) {
          least[state(read | 1u << next, next)] = cost;
          before[state(read | 1u << next, next)] = static_cast<std::uint8_t>(last);
        }
      }
    }
  }
  std::uint32_t last = 0;
  for (std::uint32_t end = 1; end < count; ++end) {
    last = least[state(all, end)] < least[state(all, last)] ? end : last;
  }
  Tour tour(static_cast<std::size_t>(nodes), 0);
  for (std::uint32_t read = all, place = count; place > 0; --place) {
    tour[place] = static_cast<Node>(last + 1);
    const std::uint32_t previous = before[state(read, last)];
    read &= ~(1u << last);
    last = previous;
  }
  return tour;
}

}  // namespace mixtape::order
