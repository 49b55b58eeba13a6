// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What is asked of a tape library, and when: made from fixed seeds.
//
// People open one file after the other: the next one some seconds after the last one has come. So a
// request may name another that it follows, and comes the later the longer that one takes. Tapes
// are full; a folder's files lie behind each other; sizes are log-normal.
//
// Units: seconds, blocks of a mebibyte.

namespace mixtape::bench {

struct Request {
  double at_s = 0;  // From the beginning, or from when the request that it follows was done.
  std::optional<std::size_t> follows;
  std::uint32_t user = 0;
  bool parked = true;  // Somebody waits for its bytes; else it was queued by name.
  double bound_s = 0;  // Longer than this it must not take.
  std::uint32_t tape = 0;
  std::uint64_t block = 0, blocks = 1;
};

struct Trace {
  std::string name, what;
  std::size_t drives = 1;
  std::uint32_t tapes = 1;
  std::vector<Request> requests;
};

inline constexpr double kInteractiveBound = 15 * 60;
inline constexpr double kBulkBound = 24 * 3600;

// One who browses; he and trees recalled by name; many users, one of whom floods; bursts on a few
// favourite tapes, which are wanted again as often as those of a large library were; one who looks
// at something now and then and wants a tree in the evening.
[[nodiscard]] std::vector<Trace> all_traces(std::uint64_t seed);

}  // namespace mixtape::bench
