// SPDX-License-Identifier: Apache-2.0
#include "engine/order/models.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/order/batches.h"
#include "tests/support/errors.h"

// The models against what is published of them.

namespace mixtape::order {
namespace {

using mixtape::test::error_of;

constexpr double kReadSpeed = 730'994 / 800.0;
constexpr double kLanding = 2 * kReadSpeed;

TEST(ContestDrive, GoesOnReadingWithinItsLandingStretchOnAnyWrap) {
  const ContestDrive drive;
  EXPECT_NEAR(drive.locate({4, 1000}, {4, 1000 + kLanding}), 2, 1e-9);
  EXPECT_DOUBLE_EQ(drive.locate({4, 1000}, {10, 1913.7425}), 1);
  EXPECT_DOUBLE_EQ(drive.locate({5, 1913.7425}, {11, 1000}), 1) << "odd wraps run down";
}

TEST(ContestDrive, StepsBackInThePublishedTime) {
  EXPECT_NEAR(ContestDrive().locate({4, 50'000}, {4, 50'000}), 14.7, 0.01);
}

TEST(ContestDrive, TurnsOntoAWrapOfTheOtherDirectionInThePublishedTime) {
  EXPECT_NEAR(ContestDrive().locate({4, 50'000}, {5, 50'000}), 9.2 + 0.003, 0.01);
}

TEST(ContestDrive, ChargesEachWrapThatItSteps) {
  const ContestDrive drive;
  const double near = drive.locate({4, 50'000}, {5, 50'000});
  EXPECT_NEAR(drive.locate({4, 50'000}, {105, 50'000}), near + 0.3, 1e-9);
}

TEST(ContestDrive, NeedsTwoHundredSecondsAndItsRampsForTheWholeLength) {
  // Cruising at four times the speed of reading.
  const double whole = ContestDrive().locate({0, 0}, {2, 730'994});
  EXPECT_GT(whole, 200);
  EXPECT_LT(whole, 210);
}

TEST(ContestDrive, StartsFromRestInTheDirectionOfTheTarget) {
  const ContestDrive drive;
  const Head head{{101, 400'000}, false};
  EXPECT_DOUBLE_EQ(drive.first(head, {0, 500'000}), drive.first(head, {200, 500'000}))
      << "no charge for wraps";
  EXPECT_GT(drive.first(head, {0, 300'000}), drive.first(head, {0, 500'000}))
      << "behind costs a reversal more";
  EXPECT_DOUBLE_EQ(drive.first({{101, 400'000}, true}, {0, 500'000}),
                   drive.locate({101, 400'000}, {0, 500'000}));
}

TEST(ContestDrive, ReadsAWrapInEightHundredSeconds) {
  EXPECT_NEAR(ContestDrive().read({3, 730'994}, {3, 0}), 800, 1e-9);
  EXPECT_NEAR(ContestDrive().read({0, 0}, {0, 1000}), 1.0944, 1e-4);
}

TEST(CtaRegression, AddsThePublishedTerms) {
  const CtaRegression drive;
  EXPECT_NEAR(drive.locate({0, 3000}, {0, 3000}), 4.29, 1e-9);
  EXPECT_NEAR(drive.locate({0, 3000}, {0, 4000}), 4.29 + 0.6192, 1e-9);
  EXPECT_NEAR(drive.locate({0, 4000}, {0, 3000}), 4.29 + 0.6192 + 11.32, 1e-9) << "step back";
  EXPECT_NEAR(drive.locate({1, 3000}, {1, 4000}), 4.29 + 0.6192 + 11.32, 1e-9) << "odd: down";
  EXPECT_NEAR(drive.locate({0, 3000}, {2, 3000}), 4.29 + 6.69, 1e-9) << "wrap";
  EXPECT_NEAR(drive.locate({0, 3000}, {1, 3000}), 4.29 + 6.69 + 5.22, 1e-9) << "direction";
  EXPECT_NEAR(drive.locate({0, 3000}, {42, 3000}), 4.29 + 6.69 + 3.2, 1e-9) << "band";
  EXPECT_NEAR(drive.locate({0, 84'000}, {2, 85'000}), 4.29 + 6.69 + 0.6192 - 6.04, 1e-9) << "zone";
}

TEST(LinearTape, ChargesEachChangeOfDirection) {
  const LinearTape tape(5);
  EXPECT_DOUBLE_EQ(tape.locate({0, 10}, {0, 30}), 20);
  EXPECT_DOUBLE_EQ(tape.locate({0, 30}, {0, 10}), 30);
  EXPECT_DOUBLE_EQ(tape.first({{0, 30}, false}, {0, 10}), 25);
}

TEST(LtoDrive, IsTheSimulatorsPositioning) {
  const LtoDrive drive(9);
  const auto& model = drive.positioning();
  EXPECT_DOUBLE_EQ(drive.locate({3, 700}, {8, 40}),
                   model.locate_seconds({3, 700}, tapeio::lto::Motion::streaming, {8, 40}));
  EXPECT_DOUBLE_EQ(drive.first({{0, 15.525}, false}, {8, 40}),
                   model.locate_seconds({0, 15.525}, tapeio::lto::Motion::standing, {8, 40}));
}

TEST(LtoDrive, ReadsExtentsOverTheEndOfAWrap) {
  const LtoDrive drive(9);
  const WrapSpan span = drive.span();
  EXPECT_NEAR(
      drive.read({0, span.high - 10}, {1, span.high - 10}) * drive.positioning().read_speed_mps(),
      20, 1e-9);
}

TEST(Models, HaveTheirNames) {
  for (const std::string_view name : test::kModelNames) {
    EXPECT_NO_THROW((void)model_named(name)) << name;
  }
  for (const char* name : {"", "lto", "lto4", "lto11", "LTO9", "sphinx"}) {
    EXPECT_EQ(error_of([&] { return model_named(name); }), ErrorCode::invalid) << name;
  }
}

// What the search skips by it must not be quicker.
TEST(Models, KnowTheLeastTimeOfADistance) {
  for (const std::string_view name : test::kModelNames) {
    const Model model = model_named(name, 3);
    const Batch batch = test::random_batch(name, 300, 7);
    std::visit(
        [&](const auto& drive) {
          for (const Request& from : batch.requests) {
            for (const Request& to : batch.requests) {
              const double x =
                  (to.begin.at - from.end.at) * tapeio::lto::direction_of(from.end.wrap);
              const bool across = (to.begin.wrap ^ from.end.wrap) % 2 != 0;
              const LeastTime least = drive.least(across   ? Way::across
                                                  : x >= 0 ? Way::ahead
                                                           : Way::behind);
              ASSERT_LE(least.base + least.per_unit * std::abs(x),
                        drive.locate(from.end, to.begin) + 1e-9)
                  << name;
            }
          }
        },
        model);
  }
}

class HostileBatches : public testing::Test {
 protected:
  static std::optional<ErrorCode> refusal_of(const Request& request,
                                             std::string_view model = "contest") {
    return error_of([&] {
      check(model_named(model), Batch{{}, {request}});
      return 0;
    });
  }
};

TEST_F(HostileBatches, AreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(refusal_of({1, {0, 1}, {0, 2}, 1}), std::nullopt);
  EXPECT_EQ(refusal_of({1, {0, nan}, {0, 2}, 1}), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {0, 1}, {0, infinite}, 1}), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {0, -1}, {0, 2}, 1}), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {0, 1}, {0, 1e300}, 1}), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {70'000, 1}, {0, 2}, 1}), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {0, 1}, {0, 2}, nan}), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {0, 1}, {0, 2}, 0}), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {0, 1}, {0, 2}, -1}), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {0, 1}, {0, 2}, 1e9}), ErrorCode::invalid);
}

TEST_F(HostileBatches, BeyondTheTapeAreRefusedWhereTheModelKnowsItsEnd) {
  EXPECT_EQ(refusal_of({1, {0, 1}, {0, 1036}, 1}, "lto9"), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {280, 1}, {280, 2}, 1}, "lto9"), ErrorCode::invalid);
  EXPECT_EQ(refusal_of({1, {279, 2}, {279, 1}, 1}, "lto9"), std::nullopt);
}

TEST_F(HostileBatches, ThatRunBackwardsAreRefusedOnALinearTape) {
  EXPECT_EQ(refusal_of({1, {0, 2}, {0, 1}, 1}, "linear"), ErrorCode::invalid);
}

TEST_F(HostileBatches, OfTooManyRequestsAreRefused) {
  Batch batch;
  batch.requests.resize(kMostRequests + 1);
  EXPECT_EQ(error_of([&] { return check(ContestDrive{}, batch), 0; }), ErrorCode::invalid);
}

}  // namespace
}  // namespace mixtape::order
