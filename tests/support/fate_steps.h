// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

// Where a sweep of faults strikes when it does not strike everywhere.

namespace mixtape::test {

// At every so many-th operation: MIXTAPE_FATE_STEP, of which 1 is each; otherwise the third.
[[nodiscard]] inline std::uint64_t fate_step() {
  const char* step = std::getenv("MIXTAPE_FATE_STEP");
  return step == nullptr ? 3 : std::max<std::uint64_t>(1, std::strtoull(step, nullptr, 10));
}

// The first one, below `step`. MIXTAPE_FATE_OFFSET moves it on, so that runs with other offsets
// try other operations.
[[nodiscard]] inline std::uint64_t fate_first(std::uint64_t step, std::uint64_t own = 0) {
  const char* offset = std::getenv("MIXTAPE_FATE_OFFSET");
  return (own + (offset == nullptr ? 0 : std::strtoull(offset, nullptr, 10))) % step;
}

}  // namespace mixtape::test
