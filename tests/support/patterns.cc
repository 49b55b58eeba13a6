// SPDX-License-Identifier: Apache-2.0
#include "tests/support/patterns.h"

namespace mixtape::test {

Bytes pattern(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  std::uint64_t state = seed;
  for (std::byte& byte : bytes) {
    // The top byte of a 64-bit linear congruential generator (Knuth's MMIX constants).
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::byte>(state >> 56);
  }
  return bytes;
}

}  // namespace mixtape::test
