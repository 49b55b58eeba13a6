// SPDX-License-Identifier: Apache-2.0
#include "engine/order/merge.h"

#include <gtest/gtest.h>

namespace mixtape::order {
namespace {

Batch batch_of(std::vector<Request> requests) {
  return {{}, std::move(requests)};
}

using Parts = std::vector<std::vector<std::size_t>>;

TEST(Merge, JoinsWhatLiesWithinTheGapInTheDirectionOfTheWrap) {
  const Model linear = LinearTape(1);
  const Merged merged = merge(
      linear, batch_of({{7, {0, 50}, {0, 60}, 2}, {8, {0, 30}, {0, 45}, 1}, {9, {0, 90}, {0, 99}}}),
      5);
  EXPECT_EQ(merged.parts, (Parts{{1, 0}, {2}}));
  ASSERT_EQ(merged.batch.requests.size(), 2u);
  EXPECT_EQ(merged.batch.requests[0].begin, (Place{0, 30}));
  EXPECT_EQ(merged.batch.requests[0].end, (Place{0, 60}));
  EXPECT_EQ(merged.batch.requests[0].weight, 3);
}

TEST(Merge, KnowsThatOddWrapsRunBack) {
  const Merged merged = merge(
      CtaRegression{}, batch_of({{1, {3, 5000}, {3, 4500}}, {2, {3, 4490}, {3, 4000}}}), 4.29);
  EXPECT_EQ(merged.parts, (Parts{{0, 1}}));
  EXPECT_EQ(merged.batch.requests[0].end, (Place{3, 4000}));
}

TEST(Merge, GoesOverTheEndOfAWrap) {
  const Merged merged =
      merge(CtaRegression{},
            batch_of({{1, {0, 171'000}, {0, 171'097}}, {2, {1, 171'097}, {1, 171'000}}}), 0.1);
  EXPECT_EQ(merged.parts, (Parts{{0, 1}}));
}

TEST(Merge, JoinsOverlapsAndDuplicatesAndKeepsTheFarthestEnd) {
  const Merged merged =
      merge(LinearTape(1),
            batch_of({{1, {0, 10}, {0, 90}}, {2, {0, 20}, {0, 30}}, {3, {0, 10}, {0, 90}}}), 0);
  EXPECT_EQ(merged.parts, (Parts{{0, 2, 1}}));
  EXPECT_EQ(merged.batch.requests[0].end, (Place{0, 90}));
}

TEST(Merge, LeavesApartWhatASearchReachesSooner) {
  const Merged merged =
      merge(LtoDrive(9), batch_of({{1, {0, 100}, {0, 101}}, {2, {0, 200}, {0, 201}}}),
            cheapest_locate_seconds(LtoDrive(9)));
  EXPECT_EQ(merged.parts, (Parts{{0}, {1}}));
}

TEST(ReadThrough, IsForGapsThatReadQuickerThanTheyAreSkipped) {
  const Model drive = LtoDrive(9);
  EXPECT_TRUE(reads_through(drive, {0, 100}, {0, 105}));
  EXPECT_FALSE(reads_through(drive, {0, 100}, {0, 500}));
  EXPECT_FALSE(reads_through(drive, {0, 105}, {0, 100})) << "behind";
  EXPECT_TRUE(reads_through(CtaRegression{}, {0, 5000}, {0, 6000}))
      << "which the published formula would not see";
}

}  // namespace
}  // namespace mixtape::order
