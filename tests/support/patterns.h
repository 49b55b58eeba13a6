// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "tapeio/bytes.h"

// Bytes that differ from place to place and from seed to seed, the same in every run.

namespace mixtape::test {

[[nodiscard]] Bytes pattern(std::size_t size, std::uint64_t seed = 0);

}  // namespace mixtape::test
