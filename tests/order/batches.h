// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/order/models.h"

// Batches of requests as chance makes them, the same in every run.

namespace mixtape::order::test {

inline constexpr std::string_view kModelNames[] = {"contest", "cta",  "linear", "lto5", "lto6",
                                                   "lto7",    "lto8", "lto9",   "lto10"};

// Where a model's wraps begin and end, and how many it has.
struct Extents {
  double low, high;
  std::uint32_t wraps;
};

inline Extents extents_of(std::string_view model) {
  if (model == "contest") {
    return {0, 730'994, 280};
  }
  if (model == "cta") {
    return {2'696, 171'097, 168};
  }
  if (model == "linear") {
    return {0, 1000, 1};
  }
  return {13, 820, 80};  // Within the shortest LTO tape.
}

inline Batch random_batch(std::string_view model, std::size_t count, std::uint64_t seed) {
  const Extents extents = extents_of(model);
  std::mt19937_64 random(seed);
  const auto unit = [&] { return static_cast<double>(random() >> 11) / 9007199254740992.0; };
  const double length = extents.high - extents.low;
  Batch batch;
  batch.head = {{0, model == "linear" ? extents.high : extents.low}, false};
  for (std::size_t number = 0; number < count; ++number) {
    const auto wrap = static_cast<std::uint32_t>(random() % extents.wraps);
    const double size = length * 0.002 * unit();
    const double begin = extents.low + (length - size) * unit();
    const Place low{wrap, begin}, high{wrap, begin + size};
    const double weight = 1 + static_cast<double>(random() % 3);
    batch.requests.push_back(wrap % 2 == 0 ? Request{number, low, high, weight}
                                           : Request{number, high, low, weight});
  }
  return batch;
}

inline bool is_permutation(const std::vector<std::size_t>& order, std::size_t count) {
  std::vector<std::size_t> sorted = order, all(count);
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return sorted == all;
}

}  // namespace mixtape::order::test
