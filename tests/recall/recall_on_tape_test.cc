// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/recall/sim_recall_fixture.h"

// Recall from simulated LTO tapes: the order of reading, on the drive's virtual clock.

namespace mixtape::recall {
namespace {

TEST_F(SimRecallTest, ReadsThatWaitTogetherTakeLessThanHalfTheLocatesOfTheOrderOfBlocks) {
  const std::vector<Content> wanted = some_of(write("MX0001L8", 800), 60, 1);
  std::vector<Content> by_block = wanted;
  std::sort(by_block.begin(), by_block.end(),
            [](const Content& a, const Content& b) { return a.number < b.number; });
  open_library();
  const double by_block_s = locate_s_of("MX0001L8", by_block);

  open_library();
  read_together(wanted);
  EXPECT_EQ(mounts(), 1u);
  EXPECT_LT(locate_s(), 0.5 * by_block_s) << by_block_s << " s by block";
}

TEST_F(SimRecallTest, RequestsThatComeMeanwhileArePutIntoTheOrder) {
  const std::vector<Content> contents = write("MX0001L8", 800);
  const std::vector<Content> wanted = some_of(contents, 80, 2);
  const auto half = wanted.begin() + 40;
  open_library();
  read_together({wanted.begin(), half});
  read_together({half, wanted.end()});
  const double one_by_one_s = locate_s();

  open_library();
  hold();
  std::vector<std::future<bool>> first = start_reads({wanted.begin(), half});
  std::vector<std::future<bool>> later;
  let_go();
  ASSERT_TRUE(first.front().get());  // The tape is under way.
  later = start_reads({half, wanted.end()});
  first.erase(first.begin());
  expect_right(std::move(first));
  expect_right(std::move(later));
  EXPECT_LT(locate_s(), 0.9 * one_by_one_s) << one_by_one_s << " s one after the other";
}

TEST_F(SimRecallTest, AWholeTapeIsReadForwardWithoutALocateBetween) {
  const std::vector<Content> contents = write("MX0001L8", 200);
  open_library();
  read_together(some_of(contents, 200, 3));
  EXPECT_LE(library_->report().count_of(tapeio::lto::SimKind::locate), 2u);
  std::vector<std::int64_t> in_order = answered_;
  std::sort(in_order.begin(), in_order.end());
  EXPECT_EQ(answered_, in_order);
}

TEST_F(SimRecallTest, TheQueueTellsTheOrderAndWhenEachIsDone) {
  const std::vector<Content> wanted = some_of(write("MX0001L8", 400), 10, 4);
  open_library();
  std::vector<QueueEntry> queue;  // When the first one had been read.
  hold();
  std::vector<std::future<bool>> reads;
  for (const Content& content : wanted) {
    auto promise = std::make_shared<std::promise<bool>>();
    reads.push_back(promise->get_future());
    (void)recall().read(content, 0, content.size, "a file",
                        [this, &queue, promise, content](ByteView, const auto& error) {
                          if (answered_.empty()) {
                            queue = recall().queue();
                          }
                          answered_.push_back(content.number);
                          promise->set_value(!error);
                        });
  }
  let_go();
  expect_right(std::move(reads));
  std::vector<std::int64_t> told;
  std::optional<std::chrono::seconds> before(0);
  for (const QueueEntry& entry : queue) {
    told.push_back(entry.content.number);
    ASSERT_TRUE(entry.eta.has_value());
    EXPECT_GE(*entry.eta, *before);
    before = entry.eta;
  }
  EXPECT_EQ(told, answered_);
  EXPECT_GT(*before, std::chrono::seconds(60));  // Ten locates and as many records of 20 s.
}

TEST_F(SimRecallTest, WhatLocatesTookIsToldWithWhatTheModelSaid) {
  const std::vector<Content> wanted = some_of(write("MX0001L8", 800), 40, 5);
  open_library();
  read_together(wanted);
  recall_.reset();
  EXPECT_EQ(drive_.name, "drive 1");
  EXPECT_EQ(drive_.generation, 8u);
  ASSERT_GT(located_.size(), 20u);
  double predicted_s = 0, actual_s = 0;
  for (const order::LocateSample& sample : located_) {
    predicted_s += sample.predicted_s;
    actual_s += sample.actual_s;
  }
  // A record is a long way on this tape, and only the ends of wraps are known exactly.
  EXPECT_NEAR(predicted_s, actual_s, 0.1 * actual_s);
}

}  // namespace
}  // namespace mixtape::recall
