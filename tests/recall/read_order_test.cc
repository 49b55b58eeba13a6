// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/read_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tapeio/error.h"

namespace mixtape::recall {
namespace {

using order::Objective;
using testing::ElementsAre;

constexpr std::uint64_t kPerWrap = 57'000;  // Records of 1 MiB on a wrap of LTO-8, nearly.

class ReadOrderTest : public testing::Test {
 protected:
  // Of one record unless said.
  void wants(std::uint64_t block, std::uint64_t records = 1, double weight = 1) {
    reads_.push_back({.begin = {.block = block}, .end_block = block + records, .weight = weight});
  }
  void wants_scattered(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < count; ++i) {
      wants(random() % (200 * kPerWrap), 200);
    }
  }
  ReadOrder plan(Objective objective = Objective::makespan, std::vector<std::size_t> known = {}) {
    return order_reads(
        tape_, head_, reads_,
        {.objective = objective, .effort = effort_, .drive = drive_, .known = known});
  }
  double by_block_s() const {
    order::Batch batch{.head = head_, .requests = {}};
    for (const TapeRead& read : reads_) {
      batch.requests.push_back({.id = batch.requests.size(),
                                .begin = tape_.at(read.begin.block),
                                .end = tape_.at(read.end_block)});
    }
    return order::judge(tape_.times(), batch, order::order_by_block(tape_.times(), batch)).locate_s;
  }

  // Recommends what it is told to.
  class Oracle final : public tapeio::AccessOrder {
   public:
    std::size_t most_ranges() override { return most; }
    std::vector<std::size_t> recommend(std::span<const tapeio::BlockRange> ranges) override {
      asked.assign(ranges.begin(), ranges.end());
      if (fails) {
        throw Error(ErrorCode::io, "recommend: sense key 5");
      }
      return answer;
    }
    std::vector<std::size_t> answer;
    std::vector<tapeio::BlockRange> asked;
    std::size_t most = 2700;
    bool fails = false;
  };

  TapeModel tape_ = TapeModel::of_generation(8, 208 * kPerWrap * MiB, MiB);
  order::Head head_ = tape_.at_rest();
  order::Effort effort_{.seconds = 10, .kicks = 1000};
  Oracle oracle_;
  tapeio::AccessOrder* drive_ = nullptr;
  std::vector<TapeRead> reads_;
};

TEST_F(ReadOrderTest, OfNothingIsNothing) {
  EXPECT_TRUE(plan().order.empty());
}

TEST_F(ReadOrderTest, WhatLiesNearBehindEachOtherIsOneReadInTheOrderOfItsPlaces) {
  wants(5000 + 300);
  wants(5000);
  wants(5000 + 299, 2);
  const ReadOrder got = plan();
  EXPECT_THAT(got.order, ElementsAre(1, 2, 0));
  EXPECT_EQ(got.locates, 1u);
  EXPECT_TRUE(got.exact);
}

TEST_F(ReadOrderTest, SmallFilesOfOneRecordAreReadAsTheyLieInIt) {
  reads_ = {{.begin = {.block = 7, .offset = 2048}, .end_block = 8},
            {.begin = {.block = 7, .offset = 512}, .end_block = 8}};
  EXPECT_THAT(plan().order, ElementsAre(1, 0));
}

TEST_F(ReadOrderTest, AFewReadsOnDifferentWrapsAreOrderedInTheBestWay) {
  // There on wraps 0 and 2, back on 1: by block it would go there and back for nothing.
  wants(kPerWrap - 1000);      // Wrap 0, far out.
  wants(2 * kPerWrap - 1000);  // Wrap 1, near the beginning.
  wants(2 * kPerWrap + 1000);  // Wrap 2, near the beginning.
  wants(kPerWrap + 1000);      // Wrap 1, far out.
  wants(3 * kPerWrap - 1000);  // Wrap 2, far out.
  const ReadOrder got = plan();
  EXPECT_TRUE(got.exact);
  EXPECT_DOUBLE_EQ(got.bound, got.costs.locate_s);
  EXPECT_LT(got.costs.locate_s, by_block_s());
}

TEST_F(ReadOrderTest, ScatteredReadsTakeLessThanHalfTheLocatesOfTheOrderOfBlocks) {
  wants_scattered(64, 1);
  const ReadOrder got = plan();
  EXPECT_LT(got.costs.locate_s, 0.45 * by_block_s());
  EXPECT_LE(got.bound, got.costs.locate_s);
  EXPECT_GT(got.bound, 0.5 * got.costs.locate_s);
}

TEST_F(ReadOrderTest, SaysWhenEachReadIsDone) {
  wants_scattered(20, 2);
  const ReadOrder got = plan();
  ASSERT_EQ(got.done_s.size(), 20u);
  EXPECT_TRUE(std::is_sorted(got.done_s.begin(), got.done_s.end()));
  EXPECT_NEAR(got.done_s.back(), got.costs.locate_s + got.costs.read_s, 1e-6);
}

TEST_F(ReadOrderTest, WhoWaitsForMoreIsServedEarlierWhereResponseCounts) {
  wants(100 * kPerWrap + 20'000, 20'000);
  wants(20 * kPerWrap + 20'000, 200, 1000);
  EXPECT_THAT(plan(Objective::response).order, ElementsAre(1, 0));
}

TEST_F(ReadOrderTest, LateRequestsArePutIntoTheOrderThatIsCarriedOut) {
  wants_scattered(40, 3);
  const ReadOrder before = plan();
  wants_scattered(10, 4);
  const ReadOrder after = plan(Objective::makespan, before.order);
  std::vector<std::size_t> sorted = after.order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> all(50);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted, all);
  EXPECT_LT(after.costs.locate_s, 1.5 * before.costs.locate_s);
}

TEST_F(ReadOrderTest, TheDrivesOrderIsTakenWhenTheModelCallsItBetter) {
  wants_scattered(30, 5);
  effort_ = {.seconds = 0, .kicks = 0};  // No time for an order of our own.
  const ReadOrder hurried = plan();
  effort_ = {.seconds = 10, .kicks = 1000};
  std::vector<std::size_t> sorted(reads_.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::sort(sorted.begin(), sorted.end(),
            [&](auto a, auto b) { return reads_[a].begin < reads_[b].begin; });
  // The drive speaks of the ranges as it was given them: in the order of their places.
  for (const std::size_t read : plan().order) {
    oracle_.answer.push_back(
        static_cast<std::size_t>(std::find(sorted.begin(), sorted.end(), read) - sorted.begin()));
  }
  drive_ = &oracle_;
  effort_ = {.seconds = 0, .kicks = 0};
  const ReadOrder taken = plan();
  EXPECT_TRUE(taken.by_drive);
  EXPECT_LT(taken.costs.locate_s, hurried.costs.locate_s);
  ASSERT_EQ(oracle_.asked.size(), 30u);
  EXPECT_EQ(oracle_.asked.front().last - oracle_.asked.front().first, 199u);

  effort_ = {.seconds = 10, .kicks = 1000};
  std::iota(oracle_.answer.begin(), oracle_.answer.end(), 0);  // By block.
  EXPECT_FALSE(plan().by_drive);
}

TEST_F(ReadOrderTest, ADriveThatRecommendsNonsenseOrNothingIsPassedOver) {
  wants_scattered(30, 6);
  const std::vector<std::size_t> own = plan().order;
  drive_ = &oracle_;
  oracle_.answer = std::vector<std::size_t>(30, 3);
  EXPECT_EQ(plan().order, own);
  EXPECT_EQ(oracle_.asked.size(), 30u);
  oracle_.fails = true;
  EXPECT_EQ(plan().order, own);
  oracle_.asked.clear();
  oracle_.most = 29;
  EXPECT_EQ(plan().order, own);
  EXPECT_TRUE(oracle_.asked.empty());
}

TEST_F(ReadOrderTest, ALineIsSweptForwardFromTheHeadAndThenFromItsFront) {
  tape_ = TapeModel(MiB);
  head_ = {.place = tape_.at(20), .moving = true};
  wants(10);
  wants(30);
  wants(20);
  const ReadOrder got = plan();
  EXPECT_THAT(got.order, ElementsAre(2, 1, 0));
  EXPECT_EQ(got.bound, 0);
}

}  // namespace
}  // namespace mixtape::recall
