// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/recall.h"

#include "tests/recall/recall_fixture.h"

// What a cold read costs, who is served when, and how long it takes.

namespace mixtape::recall {
namespace {

using tapeio::TracedOperation;

TEST_F(RecallTest, AColdFileCostsOneSeekAndIsThenInTheCache) {
  (void)put("A", test::pattern(2 * MiB, 1));
  const Bytes bytes = test::pattern(500'000, 2);
  const Content content = put("A", bytes);
  EXPECT_EQ(read_in_pieces(content, 100'000), bytes);
  EXPECT_EQ(world_.trace().seeks(), 1u);
  EXPECT_EQ(loads(), 1u);
  EXPECT_EQ(fetch(content).error, std::nullopt);
  world_.trace().clear();
  EXPECT_EQ(read(content).bytes, bytes);
  EXPECT_TRUE(world_.trace().operations().empty());
}

TEST_F(RecallTest, ReadsAreCutAtTheEnd) {
  const Bytes bytes = test::pattern(1000, 1);
  const Content content = put("A", bytes);
  EXPECT_EQ(read(content, 900, 500).bytes, Bytes(bytes.begin() + 900, bytes.end()));
  EXPECT_TRUE(read(content, 1000, 10).bytes.empty());
  EXPECT_TRUE(read(content, ~std::uint64_t{0}, 10).bytes.empty());
}

TEST_F(RecallTest, ManyReadersOfOneFileAreOneRecall) {
  const Bytes bytes = test::pattern(3 * MiB, 3);
  const Content content = put("A", bytes);
  gate_.close();
  std::vector<std::future<Answer>> answers;
  for (std::uint64_t i = 0; i < 300; ++i) {
    answers.push_back(start_read(content, i * 10'000, 10'000));
  }
  EXPECT_EQ(recall().queue().size(), 1u);
  EXPECT_EQ(recall().queue().front().waiting, 300u);
  gate_.open();
  for (std::uint64_t i = 0; i < answers.size(); ++i) {
    const Bytes expected(bytes.begin() + static_cast<std::ptrdiff_t>(i * 10'000),
                         bytes.begin() + static_cast<std::ptrdiff_t>((i + 1) * 10'000));
    EXPECT_EQ(answers[i].get().bytes, expected);
  }
  EXPECT_EQ(fetch(content).error, std::nullopt);
  EXPECT_EQ(world_.trace().count(TracedOperation::Kind::locate), 1u);
  EXPECT_LE(world_.trace().bytes_read(), 3 * MiB + 4 * TapeWorld::kRecord);
}

TEST_F(RecallTest, ReadsAreAnsweredInTheirOrderOfArrival) {
  const Content content = put("A", test::pattern(60'000, 4));
  gate_.close();
  std::mutex mutex;
  std::vector<int> order;
  std::latch all(20);
  for (int i = 0; i < 20; ++i) {
    (void)recall().read(content, static_cast<std::uint64_t>((i * 7) % 20) * 1000, 1000, "a file",
                        [&, i](ByteView, auto) {
                          const std::lock_guard lock(mutex);
                          order.push_back(i);
                          all.count_down();
                        });
  }
  gate_.open();
  all.wait();
  recall_.reset();
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(RecallTest, EarlyBytesAreServedBeforeTheRestHasArrived) {
  const Bytes bytes = test::pattern(5 * MiB, 5);
  const Content content = put("A", bytes);
  gate_.close(10);
  auto late = start_read(content, 4 * MiB, 1000);
  EXPECT_EQ(read(content, 0, 1000).bytes, Bytes(bytes.begin(), bytes.begin() + 1000));
  gate_.wait_until_the_drive_stands_there();
  // What has arrived is answered although the drive stands still.
  EXPECT_EQ(read(content, 100'000, 10).bytes,
            Bytes(bytes.begin() + 100'000, bytes.begin() + 100'010));
  EXPECT_EQ(late.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  gate_.open();
  EXPECT_EQ(late.get().bytes.size(), 1000u);
}

TEST_F(RecallTest, RequestsTogetherAreServedInOneForwardSweep) {
  std::vector<ArchivedFile> files;
  for (std::uint64_t i = 0; i < 50; ++i) {
    files.push_back({test::pattern(40'000, i), {}});
  }
  const auto extents = world_.write_archive("A", files);
  const Content first = put("B", test::pattern(100, 99));
  gate_.close();
  auto holds_the_drive = start_read(first, 0, 100);
  gate_.wait_until_the_drive_stands_there();
  std::vector<Content> contents;
  std::vector<std::future<Answer>> answers;
  for (std::size_t i = 0; i < files.size(); ++i) {
    contents.push_back(know(files[(i * 7) % 50].bytes, {extents[(i * 7) % 50]}));
    answers.push_back(start_read(contents.back(), 0, 40'000));
  }
  world_.trace().clear();
  gate_.open();
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(answers[i].get().bytes, files[(i * 7) % 50].bytes);
  }
  EXPECT_EQ(loads(), 1u);
  EXPECT_EQ(world_.trace().count(TracedOperation::Kind::locate), 1u);
  EXPECT_LE(world_.trace().bytes_read(), 50 * 40'000 * 3 / 2);
}

// --- How long it takes

TEST_F(RecallTest, BeforeAnythingWasReadNobodyKnowsHowLongItTakes) {
  EXPECT_EQ(recall().eta(put("A", test::pattern(MiB, 40))), std::nullopt);
}

TEST_F(RecallTest, SaysHowLongAContentTakesWhoseMediumIsHere) {
  const Content here = put("A", test::pattern(MiB, 40)), away = put("B", test::pattern(MiB, 41));
  const auto shelf = world_.library().take_out("B");
  const Content read = put("A", test::pattern(2 * MiB, 42));
  EXPECT_EQ(fetch(read).error, std::nullopt);
  EXPECT_GE(recall().eta(here), std::chrono::seconds(1));
  EXPECT_EQ(recall().eta(away), std::nullopt);
  EXPECT_EQ(recall().eta(read), std::chrono::seconds(0));
}

TEST_F(RecallTest, WhatWaitsBeforeAContentCountsToo) {
  Extent extent = world_.write_one("A", test::pattern(MiB, 40));
  extent.stored_size = extent.archive.plain_bytes = std::uint64_t{1} << 50;
  extent.archive.plain_bytes *= 2;
  Content huge = know(test::pattern(MiB, 40), {extent});
  huge.size = extent.stored_size;
  const Content small = put("A", test::pattern(MiB, 41));
  EXPECT_EQ(fetch(put("A", test::pattern(2 * MiB, 42))).error, std::nullopt);
  const auto alone = recall().eta(small);
  gate_.close();
  auto first = start_read(huge, 0, 10);
  gate_.wait_until_the_drive_stands_there();
  ASSERT_TRUE(recall().queue().front().eta.has_value());
  const auto behind = recall().eta(small);
  EXPECT_GT(behind, alone);
  EXPECT_GE(behind, recall().queue().front().eta);
  gate_.open();
}

// --- Without room in the cache

TEST_F(RecallTest, WithoutRoomInTheCacheAReaderIsServedWithOneSeek) {
  cache_limit_ = 1000;
  options_.linger = std::chrono::hours(1);
  const Bytes bytes = test::pattern(20 * MiB, 23);
  const Content content = put("A", bytes);
  EXPECT_EQ(read_in_pieces(content, 128 * KiB), bytes);
  EXPECT_EQ(world_.trace().seeks(), 1u);
  EXPECT_EQ(cache_->usage().entries, 0u);
}

TEST_F(RecallTest, WithoutRoomInTheCacheAReaderThatGoesBackIsServedAgain) {
  cache_limit_ = 1000;
  options_.linger = std::chrono::milliseconds(0);
  const Bytes bytes = test::pattern(12 * MiB, 24);
  const Content content = put("A", bytes);
  for (std::uint64_t offset :
       {std::uint64_t{0}, 11 * MiB, std::uint64_t{5}, 6 * MiB, 12 * MiB - 10}) {
    EXPECT_EQ(read(content, offset, 10).bytes,
              Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                    bytes.begin() + static_cast<std::ptrdiff_t>(offset) + 10));
  }
  auto far = start_read(content, 11 * MiB, 10), near = start_read(content, 0, 10);
  EXPECT_EQ(far.get().error, std::nullopt);
  EXPECT_EQ(near.get().error, std::nullopt);
}

TEST_F(RecallTest, WithoutRoomInTheCacheAFetchSaysSo) {
  cache_limit_ = 1000;
  const Content content = put("A", test::pattern(2000, 25));
  EXPECT_EQ(fetch(content).error, ErrorCode::no_space);
  EXPECT_EQ(read(content, 10, 10).error, std::nullopt);
}

TEST_F(RecallTest, WithoutRoomInTheCacheADamagedCopyIsReplacedToo) {
  cache_limit_ = 1000;
  const Bytes bytes = test::pattern(MiB, 26);
  const Extent bad = world_.write_one("A", bytes), good = world_.write_one("B", bytes);
  world_.damage(bad, 500'000);
  EXPECT_EQ(read_in_pieces(know(bytes, {bad, good}), 100'000), bytes);
  EXPECT_EQ(damaged(), std::vector<std::string>{"A"});
}

}  // namespace
}  // namespace mixtape::recall
