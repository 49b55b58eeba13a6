// SPDX-License-Identifier: Apache-2.0
#include "engine/order/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "tests/order/batches.h"
#include "tests/support/errors.h"

namespace mixtape::order {
namespace {

using mixtape::test::error_of;
using test::is_permutation;
using test::random_batch;

// So many kicks end the search long before the seconds do, whatever the machine.
constexpr Effort kSome{.seconds = 60, .seed = 1, .kicks = 40};
constexpr Objective kObjectives[] = {Objective::makespan, Objective::response};
// Microseconds are rounded for each step, and weighted.
constexpr double kRounding = 1e-3;

double least_by_brute_force(const Model& model, const Batch& batch, Objective objective) {
  std::vector<std::size_t> order(batch.requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  double least = std::numeric_limits<double>::infinity();
  do {
    least = std::min(least, of_objective(judge(model, batch, order), objective));
  } while (std::next_permutation(order.begin(), order.end()));
  return least;
}

class Models : public testing::TestWithParam<std::string_view> {
 protected:
  const Model model_ = model_named(GetParam(), 2.5);
};

TEST_P(Models, FewRequestsAreReadInTheBestOrder) {
  for (const Objective objective : kObjectives) {
    for (std::size_t count = 1; count <= 6; ++count) {
      const Batch batch = random_batch(GetParam(), count, count);
      const Plan found = plan(model_, batch, objective, kSome);
      ASSERT_TRUE(is_permutation(found.order, count));
      EXPECT_TRUE(found.exact);
      EXPECT_NEAR(of_objective(found.costs, objective),
                  least_by_brute_force(model_, batch, objective), kRounding);
    }
  }
}

TEST_P(Models, NoPlanIsWorseThanTheRulesOfOthersOrBelowItsBound) {
  for (const Objective objective : kObjectives) {
    for (const std::size_t count : {14u, 15u, 16u, 30u, 60u, 300u}) {
      if (objective == Objective::response && count > 60) {
        continue;  // Takes its time under the sanitizers.
      }
      const Batch batch = random_batch(GetParam(), count, 100 + count);
      const Plan found = plan(model_, batch, objective, kSome);
      ASSERT_TRUE(is_permutation(found.order, count));
      const double cost = of_objective(found.costs, objective);
      EXPECT_LE(found.bound, cost + kRounding);
      for (const auto& other :
           {order_by_block(model_, batch), order_by_nearest_locate(model_, batch)}) {
        ASSERT_TRUE(is_permutation(other, count));
        EXPECT_LE(cost, of_objective(judge(model_, batch, other), objective) + kRounding) << count;
      }
    }
  }
}

TEST_P(Models, TheSameSeedGivesTheSameOrder) {
  const Batch batch = random_batch(GetParam(), 50, 3);
  for (const Objective objective : kObjectives) {
    EXPECT_EQ(plan(model_, batch, objective, kSome).order,
              plan(model_, batch, objective, kSome).order);
  }
}

TEST_P(Models, DuplicatesAndOverlapsAreOrderedToo) {
  Batch batch = random_batch(GetParam(), 20, 4);
  batch.requests.insert(batch.requests.end(), batch.requests.begin(), batch.requests.begin() + 20);
  for (Request& request : batch.requests) {
    request.weight = 1;
  }
  for (const Objective objective : kObjectives) {
    EXPECT_TRUE(is_permutation(plan(model_, batch, objective, kSome).order, 40));
  }
}

TEST_P(Models, RequestsAllAtOnePlaceAreOrderedToo) {
  Batch batch = random_batch(GetParam(), 1, 5);
  batch.requests.resize(60, batch.requests.front());
  for (const Objective objective : kObjectives) {
    EXPECT_TRUE(is_permutation(plan(model_, batch, objective, kSome).order, 60));
  }
}

TEST_P(Models, NearestLocateIsReallyTheNearestEachTime) {
  const Batch batch = random_batch(GetParam(), 200, 6);
  const auto order = order_by_nearest_locate(model_, batch);
  std::vector<bool> read(batch.requests.size(), false);
  read[order.front()] = true;
  for (std::size_t place = 1; place < order.size(); ++place) {
    const Place& from = batch.requests[order[place - 1]].end;
    const double taken = locate_seconds(model_, from, batch.requests[order[place]].begin);
    for (std::size_t other = 0; other < read.size(); ++other) {
      ASSERT_TRUE(read[other] ||
                  taken <= locate_seconds(model_, from, batch.requests[other].begin) + 2e-6);
    }
    read[order[place]] = true;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Models, testing::ValuesIn(test::kModelNames),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(Plan, OfNothingIsEmpty) {
  const Plan found = plan(ContestDrive{}, {}, Objective::makespan, kSome);
  EXPECT_TRUE(found.order.empty());
  EXPECT_TRUE(found.exact);
  EXPECT_EQ(found.bound, 0);
}

TEST(Plan, IsThereWithoutTimeToSearch) {
  const Batch batch = random_batch("contest", 500, 1);
  for (const Objective objective : kObjectives) {
    const Plan found = plan(ContestDrive{}, batch, objective, {.seconds = 0});
    EXPECT_TRUE(is_permutation(found.order, 500));
    EXPECT_LE(found.bound, of_objective(found.costs, objective));
  }
}

TEST(Plan, OnALinearTapeIsExactWhenTheHeadIsRightOfAll) {
  Batch batch{{{0, 1000}, false}, {}};
  for (std::uint64_t file = 0; file < 100; ++file) {
    const double left = static_cast<double>(file) * 9;
    batch.requests.push_back(
        {file, {0, left}, {0, left + 1 + static_cast<double>(file % 7)}, 1.0 + file % 4});
  }
  const Plan found = plan(LinearTape(3), batch, Objective::response, kSome);
  EXPECT_TRUE(found.exact);
  EXPECT_TRUE(is_permutation(found.order, 100));
  // General search must not find better.
  batch.requests[0].weight = 1.0000001;
  const Plan searched = plan(LinearTape(3), batch, Objective::response, kSome);
  EXPECT_FALSE(searched.exact);
  EXPECT_GE(searched.costs.response_s, found.costs.response_s * (1 - 1e-6));
  EXPECT_LE(searched.costs.response_s, found.costs.response_s * 1.05);
}

TEST(Plan, ReadsFirstWhatManyWaitFor) {
  Batch batch = random_batch("lto9", 10, 8);
  for (Request& request : batch.requests) {
    request.weight = 1;
  }
  batch.requests[6].weight = 1000;
  EXPECT_EQ(plan(LtoDrive(9), batch, Objective::response, kSome).order.front(), 6u);
}

TEST(Replan, PutsLateRequestsIntoTheRestOfAPlan) {
  Batch batch = random_batch("lto8", 40, 9);
  const Plan before = plan(LtoDrive(8), batch, Objective::makespan, kSome);
  const Batch late = random_batch("lto8", 12, 10);
  batch.requests.insert(batch.requests.end(), late.requests.begin(), late.requests.end());
  const Plan after =
      replan(LtoDrive(8), batch, before.order, Objective::makespan, {.seconds = 60, .kicks = 0});
  EXPECT_TRUE(is_permutation(after.order, 52));
  std::vector<std::size_t> appended = before.order;
  for (std::size_t index = 40; index < 52; ++index) {
    appended.push_back(index);
  }
  EXPECT_LT(after.costs.locate_s, judge(LtoDrive(8), batch, appended).locate_s);
}

TEST(Replan, IsNoWorseThanWhatItWasGiven) {
  const Batch batch = random_batch("contest", 60, 11);
  const Plan good =
      plan(ContestDrive{}, batch, Objective::makespan, {.seconds = 60, .kicks = 2000});
  const Plan again =
      replan(ContestDrive{}, batch, good.order, Objective::makespan, {.seconds = 60, .kicks = 0});
  EXPECT_LE(again.costs.locate_s, good.costs.locate_s + kRounding);
}

TEST(OfferedOrder, IsTakenOnlyWhenTheModelLikesItBetter) {
  const Batch batch = random_batch("lto9", 30, 12);
  const Plan own = plan(LtoDrive(9), batch, Objective::makespan, kSome);
  const auto worse = order_by_block(LtoDrive(9), batch);
  EXPECT_EQ(better(own, LtoDrive(9), batch, Objective::makespan, worse).order, own.order);
  Plan poor = own;
  poor.order = worse;
  poor.costs = judge(LtoDrive(9), batch, worse);
  EXPECT_EQ(better(poor, LtoDrive(9), batch, Objective::makespan, own.order).order, own.order);
}

TEST(OfferedOrder, ThatIsNoOrderIsRefused) {
  const Batch batch = random_batch("lto9", 3, 13);
  for (const std::vector<std::size_t>& order :
       {std::vector<std::size_t>{}, {0, 1}, {0, 1, 1}, {0, 1, 3}, {0, 1, 2, 2}}) {
    EXPECT_EQ(error_of([&] { return judge(LtoDrive(9), batch, order); }), ErrorCode::invalid);
  }
}

}  // namespace
}  // namespace mixtape::order
