// SPDX-License-Identifier: Apache-2.0
#include "engine/order/locate_fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "engine/order/models.h"
#include "engine/order/plan.h"

namespace mixtape::order {
namespace {

class LocateFitTest : public testing::Test {
 protected:
  // What a drive took that needs `scale` times what the model says, and `offset_s` more.
  void took(Way way, std::size_t count, double scale, double offset_s) {
    for (std::size_t i = 0; i < count; ++i) {
      const double predicted_s = 5 + 80 * between_(random_);
      samples_.push_back({way, predicted_s, scale * predicted_s + offset_s});
    }
  }
  [[nodiscard]] LineFit fitted(Way way) const {
    return fit_locates(samples_)[static_cast<std::size_t>(way)];
  }

  std::mt19937_64 random_{1};
  std::uniform_real_distribution<double> between_{0, 1};
  std::vector<LocateSample> samples_;
};

TEST_F(LocateFitTest, NothingMeasuredChangesNothing) {
  EXPECT_DOUBLE_EQ(fitted(Way::across).of(37), 37);
}

TEST_F(LocateFitTest, EachWayHasItsOwnScaleAndOffset) {
  took(Way::ahead, 40, 1.2, 2);
  took(Way::behind, 40, 0.8, -1);
  EXPECT_NEAR(fitted(Way::ahead).scale, 1.2, 1e-9);
  EXPECT_NEAR(fitted(Way::ahead).offset_s, 2, 1e-9);
  EXPECT_NEAR(fitted(Way::behind).scale, 0.8, 1e-9);
  EXPECT_NEAR(fitted(Way::behind).offset_s, -1, 1e-9);
  EXPECT_EQ(fitted(Way::across).samples, 0u);
  EXPECT_GT(fitted(Way::ahead).error_before_s, 5);
  EXPECT_NEAR(fitted(Way::ahead).error_s, 0, 1e-9);
}

TEST_F(LocateFitTest, AQuarterOfNonsenseDoesNotMoveIt) {
  took(Way::across, 60, 1.1, 3);
  for (int retry = 0; retry < 20; ++retry) {
    samples_.push_back({Way::across, 20, 600});
  }
  std::shuffle(samples_.begin(), samples_.end(), random_);
  EXPECT_NEAR(fitted(Way::across).of(40), 1.1 * 40 + 3, 2);
}

TEST_F(LocateFitTest, AFewSamplesMoveItButDoNotStretchIt) {
  took(Way::across, kLeastForOffset, 1, 4);
  EXPECT_DOUBLE_EQ(fitted(Way::across).scale, 1);
  EXPECT_NEAR(fitted(Way::across).offset_s, 4, 1e-9);
  samples_.resize(kLeastForOffset - 1);
  EXPECT_DOUBLE_EQ(fitted(Way::across).of(10), 10);
}

TEST_F(LocateFitTest, WhatNoDriveOfThatKindDoesIsNotBelieved) {
  took(Way::ahead, 20, 100, 1e6);
  samples_.push_back({Way::ahead, std::numeric_limits<double>::quiet_NaN(), 1});
  EXPECT_LE(fitted(Way::ahead).scale, 2);
  EXPECT_LE(fitted(Way::ahead).offset_s, 60);
}

TEST_F(LocateFitTest, TheFirstLocateOfALoadIsStretchedAsTheOthers) {
  took(Way::ahead, 40, 1.3, 2);
  took(Way::across, 40, 1.5, 20);
  const LtoDrive fitted(8, {}, fit_locates(samples_));
  const LtoDrive published(8);
  const Head at_rest{.place = {.wrap = 0, .at = 15}, .moving = false};
  const Place ahead{.wrap = 2, .at = 700};
  const Place across{.wrap = 1, .at = 500};
  EXPECT_NEAR(fitted.first(at_rest, ahead), 1.3 * published.first(at_rest, ahead) + 2, 1e-9);
  EXPECT_NEAR(fitted.first(at_rest, across), 1.5 * published.first(at_rest, across) + 20, 1e-9);
  // A head that reads is one like any other.
  const Head reading{.place = ahead, .moving = true};
  EXPECT_EQ(fitted.first(reading, across), fitted.locate(ahead, across));
}

TEST_F(LocateFitTest, ADriveIsPlannedForAsItIsAndTheBoundHolds) {
  took(Way::ahead, 40, 2, 0);
  took(Way::behind, 40, 0.5, -60);
  took(Way::across, 40, 1.5, 20);
  const LtoDrive fitted(8, {}, fit_locates(samples_));
  const LtoDrive published(8);
  EXPECT_NEAR(fitted.locate({.wrap = 0, .at = 100}, {.wrap = 1, .at = 500}),
              1.5 * published.locate({.wrap = 0, .at = 100}, {.wrap = 1, .at = 500}) + 20, 1e-9);
  Batch batch{.head = {.place = {.wrap = 0, .at = 20}}, .requests = {}};
  for (std::uint64_t id = 0; id < 40; ++id) {
    const Place place{.wrap = static_cast<std::uint32_t>(random_() % 208),
                      .at = 30 + 900 * between_(random_)};
    batch.requests.push_back({.id = id, .begin = place, .end = place});
    for (const Request& other : batch.requests) {
      EXPECT_GE(fitted.locate(other.end, place), 0);
    }
  }
  const Plan found = plan(fitted, batch, Objective::makespan, {.seconds = 10, .kicks = 500});
  EXPECT_LE(found.bound, found.costs.locate_s + 1e-3);
  EXPECT_GT(found.bound, 0.5 * found.costs.locate_s);
}

}  // namespace
}  // namespace mixtape::order
