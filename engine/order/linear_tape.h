// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// One track, read one way, and readers who wait: the linear tape scheduling problem, whose least
// sum of waiting times is known exactly (Honore, Simon and Suter, ICAPS 2022).
//
// The head is at rest right of all files and moves at unit speed; files are read to the right; each
// change of direction costs `turn`. A good schedule runs left, with detours to the right that read
// some files and come back, and at the leftmost file turns for good. Of each file the moment at
// which it has been read counts once for each of its readers.
//
// Units:   of length and time alike.
// Threads: none.

namespace mixtape::order {

struct LinearFile {
  double left = 0, right = 0;
  std::uint32_t readers = 1;
};

struct LinearTrack {
  std::vector<LinearFile> files;  // Left to right, none over another.
  double head = 0;                // Not left of the last file's end.
  double turn = 0;
};

// Sum over all readers of when they are served. `order`: indices of files, each once.
[[nodiscard]] double waiting(const LinearTrack& track, const std::vector<std::size_t>& order);

// The best order. Error{invalid} when the track is none, Error{unsupported} when it does not fit:
// for each pair of files as many states as there are readers right of it, kMostLinearStates of 10
// bytes. Cost: states times files; 200 files with 3,600 readers take a second.
inline constexpr std::uint64_t kMostLinearStates = 40'000'000;
// How many states exact_order has; it takes about a third as many steps times files.
[[nodiscard]] double linear_states(const LinearTrack& track);
[[nodiscard]] bool exact_order_fits(const LinearTrack& track);
[[nodiscard]] std::vector<std::size_t> exact_order(const LinearTrack& track);

// The best of the orders whose detours have no detours in them: within a few thousandths of the
// best. Cost: files^2 times readers; a state for each file and each reader right of it, bounded
// likewise.
[[nodiscard]] bool simple_order_fits(const LinearTrack& track);
[[nodiscard]] std::vector<std::size_t> simple_order(const LinearTrack& track);

}  // namespace mixtape::order
