// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/library_bound.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

// How often tapes have to be mounted, whoever decides: against every order that there is.

namespace mixtape::bench {
namespace {

constexpr double kBound = 100;

// Somebody wants something of this tape at that moment; of a follower so long after the other came.
Request wants(std::uint32_t tape, double at_s, std::optional<std::size_t> follows = {}) {
  return {.at_s = at_s, .follows = follows, .bound_s = kBound, .tape = tape};
}

Trace trace_of(std::vector<Request> requests, std::size_t drives = 1) {
  return {.name = "", .what = "", .drives = drives, .tapes = 9, .requests = std::move(requests)};
}

// Looks at every row of mounts, and at every way to serve the requests from them.
class EveryOrder {
 public:
  explicit EveryOrder(const Trace& trace) : trace_(trace) {
    for (const Request& request : trace.requests) {
      const bool follows = request.follows.has_value();
      opens_.push_back(request.at_s + (follows ? opens_[*request.follows] : 0));
      closes_.push_back(request.at_s + kBound + (follows ? closes_[*request.follows] : 0));
    }
  }
  std::size_t least_mounts(std::uint32_t tapes) {
    for (std::size_t count = 0;; ++count) {
      mounted_.assign(count, 0);
      if (some_row_serves(0, tapes)) {
        return count;
      }
    }
  }

 private:
  bool some_row_serves(std::size_t at, std::uint32_t tapes) {
    if (at == mounted_.size()) {
      served_.clear();
      return serves();
    }
    for (std::uint32_t tape = 0; tape < tapes; ++tape) {
      mounted_[at] = tape;
      if (some_row_serves(at + 1, tapes)) {
        return true;
      }
    }
    return false;
  }
  // By which mount each request is served; no two of them against the order of time.
  bool serves() {
    const std::size_t request = served_.size();
    if (request == trace_.requests.size()) {
      return true;
    }
    for (std::size_t mount = 0; mount < mounted_.size(); ++mount) {
      if (mounted_[mount] == trace_.requests[request].tape && fits(request, mount)) {
        served_.push_back(mount);
        if (serves()) {
          return true;
        }
        served_.pop_back();
      }
    }
    return false;
  }
  bool fits(std::size_t request, std::size_t mount) const {
    const auto leader = trace_.requests[request].follows;
    if (leader && served_[*leader] > mount) {
      return false;
    }
    for (std::size_t other = 0; other < served_.size(); ++other) {
      if ((served_[other] < mount && opens_[other] > closes_[request]) ||
          (served_[other] > mount && opens_[request] > closes_[other])) {
        return false;
      }
    }
    return true;
  }

  const Trace& trace_;
  std::vector<double> opens_, closes_;
  std::vector<std::uint32_t> mounted_;
  std::vector<std::size_t> served_;
};

TEST(LibraryBound, OneDriveNeedsAsManyMountsAsTheBestOfAllOrders) {
  constexpr std::uint32_t kTapes = 3;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Request> requests;
    while (requests.size() < 1 + seed % 6) {
      const auto tape = static_cast<std::uint32_t>(random() % kTapes);
      const auto before = random() % 2 == 0 ? requests.size() : 0;
      bool is_free = before > 0;  // Each is followed by one at most.
      for (const Request& request : requests) {
        is_free = is_free && request.follows != before - 1;
      }
      requests.push_back(
          is_free ? wants(tape, static_cast<double>(random() % 50), before - 1)
                  : wants(tape, static_cast<double>(random() % 400 * 6 + requests.size()) / 6));
    }
    const Trace trace = trace_of(std::move(requests));
    const std::size_t least = EveryOrder(trace).least_mounts(kTapes);
    ASSERT_EQ(least_mounts_of_one_drive(trace), least) << "seed " << seed;
    ASSERT_LE(least_mounts_by_stretches(trace), least) << "seed " << seed;
  }
}

TEST(LibraryBound, WhatIsWantedWithinOneBoundCanWaitForEachOther) {
  EXPECT_EQ(least_mounts(trace_of({wants(1, 0), wants(2, 50), wants(1, 90), wants(2, 99)})), 2u);
}

TEST(LibraryBound, WhatIsWantedAfterTheBoundOfAnotherCannot) {
  EXPECT_EQ(least_mounts(trace_of({wants(1, 0), wants(2, 101), wants(1, 202)})), 3u);
}

TEST(LibraryBound, WhoReadsFromTwoTapesInTurnMountsThemInTurn) {
  EXPECT_EQ(least_mounts(trace_of({wants(1, 0), wants(2, 1, 0), wants(1, 1, 1), wants(2, 1, 2)})),
            4u);
}

TEST(LibraryBound, OfTheTapesOfAStretchThoseInTheDrivesNeedNotCome) {
  const std::vector<Request> four{wants(1, 0), wants(2, 0), wants(3, 0), wants(4, 0)};
  EXPECT_EQ(least_mounts(trace_of(four, 2)), 4u);  // They are empty.
  std::vector<Request> twice = four;
  for (const Request& request : four) {
    twice.push_back(wants(request.tape, 200));
  }
  EXPECT_EQ(least_mounts(trace_of(twice, 2)), 4u + 2u);
  EXPECT_EQ(least_mounts(trace_of(twice, 4)), 4u);
}

TEST(LibraryBound, WhatHasADayIsLeftOut) {
  Trace trace = trace_of({wants(1, 0), wants(2, 200)});
  trace.requests[1].bound_s = kBulkBound;
  EXPECT_EQ(least_mounts(trace), 1u);
}

}  // namespace
}  // namespace mixtape::bench
