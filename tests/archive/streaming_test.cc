// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/streaming.h"

#include <gtest/gtest.h>

namespace mixtape::archive {
namespace {

constexpr std::size_t kRing = 128;
constexpr std::size_t kStart = 96;
constexpr std::uint64_t kMany = 1000;

TEST(DriveFeed, ATapeStartsWithAFullRing) {
  DriveFeed feed(/*streaming=*/true, kRing);
  EXPECT_EQ(feed.wanted(0, kMany), kStart);
  EXPECT_EQ(feed.underruns(), 0u) << "it had not started";
}

TEST(DriveFeed, ATapeThatMovesGetsWhateverThereIs) {
  DriveFeed feed(/*streaming=*/true, kRing);
  (void)feed.wanted(kStart, kMany);
  for (const std::size_t ready : {kRing, kStart, std::size_t{1}}) {
    EXPECT_EQ(feed.wanted(ready, kMany), 1u);
  }
  EXPECT_EQ(feed.underruns(), 0u);
}

TEST(DriveFeed, AnEmptyRingIsFilledBeforeTheTapeStartsAgainAndThatIsCounted) {
  DriveFeed feed(/*streaming=*/true, kRing);
  (void)feed.wanted(kStart, kMany);
  EXPECT_EQ(feed.wanted(0, kMany), kStart);
  EXPECT_EQ(feed.wanted(kStart - 1, kMany), 1u);
  EXPECT_EQ(feed.wanted(0, kMany), kStart);
  EXPECT_EQ(feed.underruns(), 2u);
}

TEST(DriveFeed, TheEndOfAnArchiveIsNotWaitedFor) {
  DriveFeed feed(/*streaming=*/true, kRing);
  EXPECT_EQ(feed.wanted(0, 3), 3u);
}

TEST(DriveFeed, ADiskGetsEachRecordAsItComes) {
  DriveFeed feed(/*streaming=*/false, kRing);
  EXPECT_EQ(feed.wanted(0, kMany), 1u);
  EXPECT_EQ(feed.wanted(0, kMany), 1u);
  EXPECT_EQ(feed.underruns(), 0u);
}

}  // namespace
}  // namespace mixtape::archive
