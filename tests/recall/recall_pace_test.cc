// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/recall_pace.h"

#include <gtest/gtest.h>

namespace mixtape::recall {
namespace {

using std::chrono::seconds;

QueueEntry entry(std::uint64_t id, const std::string& label, std::uint64_t block,
                 std::uint64_t size) {
  QueueEntry entry{};
  entry.id = RequestId{id};
  entry.content.size = size;
  entry.medium_label = label;
  entry.block = block;
  entry.here = true;
  return entry;
}

TEST(RecallPace, SaysNothingBeforeEnoughWasObserved) {
  RecallPace pace;
  EXPECT_EQ(pace.time_for(MiB), std::nullopt);
  pace.observe(1000, seconds(60));
  EXPECT_EQ(pace.time_for(MiB), std::nullopt);
  pace.observe(MiB, seconds(1));
  EXPECT_NE(pace.time_for(MiB), std::nullopt);
}

TEST(RecallPace, TakesAsLongAsWhatCameBefore) {
  RecallPace pace;
  pace.observe(10 * MiB, seconds(5));
  EXPECT_EQ(pace.time_for(0), seconds(0));
  EXPECT_EQ(pace.time_for(20 * MiB), seconds(10));
  EXPECT_EQ(pace.time_for(1), seconds(1));
  EXPECT_GT(pace.time_for(~std::uint64_t{0}), seconds(1'000'000'000));
}

TEST(RecallPace, ForgetsWhatWasLongAgo) {
  RecallPace pace;
  pace.observe(GiB, seconds(1));
  for (int minute = 0; minute < 120; ++minute) {
    pace.observe(60 * MiB, seconds(60));
  }
  EXPECT_NEAR(static_cast<double>(pace.time_for(100 * MiB)->count()), 100, 2);
}

using Ids = std::vector<std::uint64_t>;

Ids ids_of(const std::vector<QueueEntry>& queue) {
  Ids ids;
  for (const QueueEntry& entry : queue) {
    ids.push_back(static_cast<std::uint64_t>(entry.id));
  }
  return ids;
}

TEST(RecallPace, RequestsAreDoneInTheOrderInWhichTheyAreServed) {
  RecallPace pace;
  pace.observe(10 * MiB, seconds(10));
  std::vector<QueueEntry> queue = {entry(1, "A", 50, 10 * MiB), entry(2, "B", 7, 40 * MiB),
                                   entry(3, "A", 90, 20 * MiB), entry(4, "A", 10, 5 * MiB),
                                   entry(5, "C", 1, MiB)};
  queue[0].running = true;
  queue[0].done_bytes = 4 * MiB;
  queue[4].here = false;
  estimate(queue, pace);
  EXPECT_EQ(ids_of(queue), (Ids{1, 3, 2, 4, 5}));
  EXPECT_EQ(queue[0].eta, seconds(6));
  EXPECT_EQ(queue[1].eta, seconds(6 + 20));
  EXPECT_EQ(queue[2].eta, seconds(6 + 20 + 40));
  EXPECT_EQ(queue[3].eta, seconds(6 + 20 + 40 + 5));
  EXPECT_EQ(queue[4].eta, std::nullopt);
}

TEST(RecallPace, ThePlanOfTheLoadedTapeComesFirstAndTellsItsOwnTimes) {
  RecallPace pace;
  pace.observe(10 * MiB, seconds(10));
  std::vector<QueueEntry> queue = {entry(1, "B", 7, 40 * MiB), entry(2, "A", 50, 10 * MiB),
                                   entry(3, "A", 90, 20 * MiB)};
  queue[1].turn = 1;
  queue[1].eta = seconds(140);
  queue[2].turn = 0;
  queue[2].eta = seconds(60);
  estimate(queue, pace);
  EXPECT_EQ(ids_of(queue), (Ids{3, 2, 1}));
  EXPECT_EQ(queue[0].eta, seconds(60));
  EXPECT_EQ(queue[1].eta, seconds(140));
  EXPECT_EQ(queue[2].eta, seconds(140 + 40));
}

}  // namespace
}  // namespace mixtape::recall
