// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>

#include "tapeio/error.h"
#include "tests/fuzz/targets.h"

// The entry point of libFuzzer, compiled once for each target: MIXTAPE_FUZZ_TARGET is its name.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto targets = mixtape::fuzz::targets();
  static const auto target = std::find_if(targets.begin(), targets.end(), [](const auto& each) {
    return each.name == MIXTAPE_FUZZ_TARGET;
  });
  MIXTAPE_ASSERT(target != targets.end());
  mixtape::fuzz::feed(*target, {reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
