// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/recall_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace mixtape::recall {
namespace {

class RecallQueueTest : public testing::Test {
 protected:
  void wants(std::uint64_t id, const std::string& medium, std::uint64_t block) {
    queue_.put(RequestId{id}, {.medium_label = medium, .spot = {.block = block}});
    blocks_[id] = {.medium_label = medium, .spot = {.block = block}};
  }
  // Serves everything; the head stands behind what was served last.
  std::vector<std::uint64_t> order(std::optional<Place> head = {}) {
    std::vector<std::uint64_t> ids;
    while (const auto id = queue_.next(
               head, [&](const std::string& medium) { return !absent_.contains(medium); })) {
      const auto number = static_cast<std::uint64_t>(*id);
      ids.push_back(number);
      head = blocks_.at(number);
      ++head->spot.block;
      queue_.remove(*id);
    }
    return ids;
  }

  RecallQueue queue_;
  std::map<std::uint64_t, Place> blocks_;
  std::set<std::string> absent_;
};

using Ids = std::vector<std::uint64_t>;

TEST_F(RecallQueueTest, ServesAMediumFromItsFront) {
  wants(1, "A", 30);
  wants(2, "A", 10);
  wants(3, "A", 20);
  EXPECT_EQ(order(), (Ids{2, 3, 1}));
}

TEST_F(RecallQueueTest, GoesOnFromTheHeadAndThenAround) {
  wants(1, "A", 10);
  wants(2, "A", 30);
  wants(3, "A", 20);
  EXPECT_EQ(order(Place{"A", {20, 0}}), (Ids{3, 2, 1}));
}

TEST_F(RecallQueueTest, FinishesTheSweepBeforeItChangesTheMedium) {
  wants(1, "B", 5);
  wants(2, "A", 40);
  wants(3, "A", 50);
  EXPECT_EQ(order(Place{"A", {0, 0}}), (Ids{2, 3, 1}));
}

TEST_F(RecallQueueTest, ChangesTheMediumAtTheEndOfASweepForWhoeverWaitsLongest) {
  wants(1, "B", 5);
  wants(2, "A", 10);  // Behind the head: not in this sweep.
  wants(3, "A", 50);
  EXPECT_EQ(order(Place{"A", {20, 0}}), (Ids{3, 1, 2}));
}

TEST_F(RecallQueueTest, VisitsEachMediumOnce) {
  for (std::uint64_t id = 1; id <= 9; ++id) {
    wants(id, std::string(1, static_cast<char>('A' + id % 3)), 100 - id);
  }
  EXPECT_EQ(order(), (Ids{7, 4, 1, 8, 5, 2, 9, 6, 3}));
}

TEST_F(RecallQueueTest, PassesOverAbsentMedia) {
  absent_ = {"A"};
  wants(1, "A", 1);
  wants(2, "B", 2);
  EXPECT_EQ(order(), (Ids{2}));
  absent_ = {};
  EXPECT_EQ(order(), (Ids{1}));
}

TEST_F(RecallQueueTest, TwoRequestsForOnePlaceAreBothServed) {
  wants(2, "A", 1);
  wants(1, "A", 1);
  EXPECT_EQ(order(), (Ids{1, 2}));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(RecallQueueTest, ARequestCanMoveToAnotherCopy) {
  wants(1, "A", 1);
  wants(2, "A", 2);
  wants(1, "B", 7);
  EXPECT_EQ(order(Place{"A", {0, 0}}), (Ids{2, 1}));
}

}  // namespace
}  // namespace mixtape::recall
