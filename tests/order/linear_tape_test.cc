// SPDX-License-Identifier: Apache-2.0
#include "engine/order/linear_tape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

#include "tests/order/batches.h"
#include "tests/support/errors.h"

namespace mixtape::order {
namespace {

using mixtape::test::error_of;
using test::is_permutation;

LinearTrack random_track(std::size_t files, std::uint64_t seed, double turn) {
  std::mt19937_64 random(seed);
  LinearTrack track;
  double at = 0;
  for (std::size_t file = 0; file < files; ++file) {
    at += static_cast<double>(random() % 40);
    const double left = at;
    at += 1 + static_cast<double>(random() % 30);
    track.files.push_back({left, at, 1 + static_cast<std::uint32_t>(random() % 6)});
  }
  track.head = at + static_cast<double>(random() % 20);
  track.turn = turn;
  return track;
}

// Over all permutations.
double least_waiting(const LinearTrack& track) {
  std::vector<std::size_t> order(track.files.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  double least = std::numeric_limits<double>::infinity();
  do {
    least = std::min(least, waiting(track, order));
  } while (std::next_permutation(order.begin(), order.end()));
  return least;
}

TEST(LinearTrack, CountsWaitingFromTheHeadOn) {
  const LinearTrack track{{{10, 20, 2}, {50, 60, 1}}, 100, 3};
  // 50 left, one turn, 10 read; 50 left with two turns, 10 read.
  EXPECT_DOUBLE_EQ(waiting(track, {1, 0}), 63 + 2 * (63 + 6 + 50 + 10));
  EXPECT_DOUBLE_EQ(waiting(track, {0, 1}), 2 * 103 + (103 + 30 + 10));
}

TEST(LinearTrack, ExactOrderIsTheBestOfAllOrders) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const LinearTrack track = random_track(1 + seed % 7, seed, static_cast<double>(seed % 4) * 7.5);
    const auto order = exact_order(track);
    ASSERT_TRUE(is_permutation(order, track.files.size())) << seed;
    ASSERT_NEAR(waiting(track, order), least_waiting(track), 1e-6) << seed;
  }
}

TEST(LinearTrack, SimpleOrderIsWithinHalfAPercentOfTheBest) {
  for (const std::size_t files : {2u, 10u, 50u, 200u}) {
    for (const double turn : {0.0, 8.0, 16.0}) {
      const LinearTrack track = random_track(files, files, turn);
      const auto order = simple_order(track);
      ASSERT_TRUE(is_permutation(order, files));
      const double best = waiting(track, exact_order(track));
      EXPECT_GE(waiting(track, order), best - 1e-6);
      EXPECT_LE(waiting(track, order), 1.005 * best) << files << " files, turn " << turn;
    }
  }
}

TEST(LinearTrack, WithoutFilesHasAnEmptyOrder) {
  EXPECT_TRUE(exact_order({}).empty());
  EXPECT_TRUE(simple_order({}).empty());
}

TEST(LinearTrack, ThatIsNoneIsRefused) {
  const LinearTrack overlapping{{{0, 10, 1}, {5, 20, 1}}, 30, 0};
  const LinearTrack head_inside{{{0, 10, 1}, {15, 20, 1}}, 18, 0};
  const LinearTrack unread{{{0, 10, 0}}, 18, 0};
  const LinearTrack no_number{{{0, std::numeric_limits<double>::quiet_NaN(), 1}}, 18, 0};
  for (const LinearTrack& track : {overlapping, head_inside, unread, no_number}) {
    EXPECT_EQ(error_of([&] { return exact_order(track); }), ErrorCode::invalid);
    EXPECT_EQ(error_of([&] { return simple_order(track); }), ErrorCode::invalid);
  }
}

TEST(LinearTrack, ThatIsTooLargeIsRefusedBeforeMemoryIsTaken) {
  LinearTrack track = random_track(5000, 1, 0);
  EXPECT_FALSE(exact_order_fits(track));
  EXPECT_EQ(error_of([&] { return exact_order(track); }), ErrorCode::unsupported);
  track.files.front().readers = std::numeric_limits<std::uint32_t>::max();
  track.files.back().readers = std::numeric_limits<std::uint32_t>::max();
  EXPECT_FALSE(simple_order_fits(track));
  EXPECT_EQ(error_of([&] { return simple_order(track); }), ErrorCode::unsupported);
}

}  // namespace
}  // namespace mixtape::order
