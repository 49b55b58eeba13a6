// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// What is to be read from one tape, and where its head is.
//
// Units:   `at` is a distance along the tape in the unit of the cost model that is asked: LPOS for
//          the published models, metres for the LTO generations, seconds of travel for the linear
//          one. An even wrap runs towards higher distances, an odd one back.
// Threads: values.

namespace mixtape::order {

struct Place {
  std::uint32_t wrap = 0;
  double at = 0;
  bool operator==(const Place&) const = default;
};

struct Head {
  Place place;
  bool moving = false;  // Reading in the direction of its wrap; else at rest, as after a load.
};

struct Request {
  std::uint64_t id = 0;
  Place begin, end;
  double weight = 1;  // How much a second of waiting for it counts; several readers add up.
};

struct Batch {
  Head head;
  std::vector<Request> requests;
};

// Of a batch. A larger one is ordered in parts by whoever has it.
inline constexpr std::size_t kMostRequests = 100'000;
// Beyond any tape; keeps sums of microseconds within 64 bits.
inline constexpr std::uint32_t kHighestWrap = 65'535;
inline constexpr double kFarthest = 1e9;
inline constexpr double kHeaviest = 1e6;

// Error{invalid} that names the request: places that are no numbers, negative or beyond the limits,
// weights that are not above zero, more requests than kMostRequests.
void check(const Batch& batch);

}  // namespace mixtape::order
