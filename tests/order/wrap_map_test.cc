// SPDX-License-Identifier: Apache-2.0
#include "engine/order/wrap_map.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"

namespace mixtape::order {
namespace {

using mixtape::test::error_of;

constexpr WrapSpan kSpan{100, 1100};

TEST(WrapMap, InterpolatesThereAndBack) {
  const WrapMap map({999, 1999, 2999, 3100}, kSpan);
  EXPECT_EQ(map.at(0), (Place{0, 100}));
  EXPECT_EQ(map.at(250), (Place{0, 350}));
  EXPECT_EQ(map.at(1000), (Place{1, 1100}));
  EXPECT_EQ(map.at(1250), (Place{1, 850}));
  EXPECT_EQ(map.at(2000), (Place{2, 100}));
}

TEST(WrapMap, TakesTheLastWrapToBeAsLongAsTheOthers) {
  const WrapMap map({999, 1999, 2049}, kSpan);
  EXPECT_EQ(map.at(2025), (Place{2, 125}));
}

TEST(WrapMap, AsksForTheLengthOfAnOnlyWrap) {
  EXPECT_EQ(WrapMap({99}, kSpan, 1000).at(50), (Place{0, 150}));
  EXPECT_EQ(WrapMap({99}, kSpan).at(50), (Place{0, 600}));
}

TEST(WrapMap, KeepsWhatLiesBehindTheEndAtTheEnd) {
  EXPECT_EQ(WrapMap({99, 199}, kSpan).at(5000), (Place{1, 100}));
}

TEST(WrapMap, RefusesWhatNoDriveSays) {
  EXPECT_EQ(error_of([] { return WrapMap({}, kSpan); }), ErrorCode::invalid);
  EXPECT_EQ(error_of([] { return WrapMap({5, 5}, kSpan); }), ErrorCode::invalid);
  EXPECT_EQ(error_of([] { return WrapMap({5, 3}, kSpan); }), ErrorCode::invalid);
  EXPECT_EQ(error_of([] { return WrapMap({5, UINT64_MAX}, kSpan); }), ErrorCode::invalid);
}

}  // namespace
}  // namespace mixtape::order
