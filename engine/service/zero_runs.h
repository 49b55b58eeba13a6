// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tapeio/bytes.h"

// Zeros that a sparse file need not store, where nobody knows any more which of them it did not.

namespace mixtape::service {

// What file systems leave out at least.
inline constexpr std::size_t kZeroBlock = 4096;

// Calls `data` with bytes and `zeros` with counts, in order. Blocks count from the first byte.
template <typename Data, typename Zeros>
void each_run(ByteView bytes, Data data, Zeros zeros) {
  const auto is_zero_at = [&](std::size_t at) {
    return std::ranges::all_of(bytes.subspan(at, std::min(kZeroBlock, bytes.size() - at)),
                               [](std::byte each) { return each == std::byte{0}; });
  };
  for (std::size_t begin = 0; begin < bytes.size();) {
    const bool is_zero = is_zero_at(begin);
    std::size_t end = begin;
    while (end < bytes.size() && is_zero_at(end) == is_zero) {
      end = std::min(end + kZeroBlock, bytes.size());
    }
    if (is_zero) {
      zeros(std::uint64_t{end - begin});
    } else {
      data(bytes.subspan(begin, end - begin));
    }
    begin = end;
  }
}

}  // namespace mixtape::service
