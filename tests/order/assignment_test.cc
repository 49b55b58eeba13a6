// SPDX-License-Identifier: Apache-2.0
#include "engine/order/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

namespace mixtape::order {
namespace {

using Matrix = std::vector<std::vector<Micros>>;

Matrix random_costs(std::size_t nodes, std::uint64_t seed, Micros highest) {
  std::mt19937_64 random(seed);
  Matrix costs(nodes, std::vector<Micros>(nodes));
  for (auto& row : costs) {
    for (Micros& cost : row) {
      cost = static_cast<Micros>(random() % static_cast<std::uint64_t>(highest)) - highest / 4;
    }
  }
  return costs;
}

Micros least_by_brute_force(const Matrix& costs) {
  std::vector<std::size_t> to(costs.size());
  std::iota(to.begin(), to.end(), std::size_t{0});
  Micros least = std::numeric_limits<Micros>::max();
  do {
    Micros sum = 0;
    bool loop = false;
    for (std::size_t from = 0; from < to.size(); ++from) {
      sum += costs[from][to[from]];
      loop = loop || to[from] == from;
    }
    least = loop ? least : std::min(least, sum);
  } while (std::next_permutation(to.begin(), to.end()));
  return least;
}

Assignment with_all_arcs(const Matrix& costs) {
  Assignment assignment(static_cast<Node>(costs.size()));
  for (std::size_t from = 0; from < costs.size(); ++from) {
    for (std::size_t to = 0; to < costs.size(); ++to) {
      if (from != to) {
        assignment.arcs_of(static_cast<Node>(from))
            .push_back({static_cast<Node>(to), costs[from][to]});
      }
    }
  }
  return assignment;
}

constexpr auto kNeverStop = [] { return false; };

TEST(Assignment, IsTheCheapestOne) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Matrix costs = random_costs(2 + seed % 6, seed, seed % 3 == 0 ? 4 : 1000);
    Assignment assignment = with_all_arcs(costs);
    ASSERT_TRUE(assignment.solve(kNeverStop));
    Micros sum = 0;
    for (std::size_t from = 0; from < costs.size(); ++from) {
      sum += costs[from][static_cast<std::size_t>(assignment.successors()[from])];
    }
    ASSERT_EQ(sum, least_by_brute_force(costs)) << seed;
  }
}

TEST(Assignment, HasPricesThatProveIt) {
  const Matrix costs = random_costs(120, 5, 50);  // Many ties.
  Assignment assignment = with_all_arcs(costs);
  ASSERT_TRUE(assignment.solve(kNeverStop));
  for (std::size_t from = 0; from < costs.size(); ++from) {
    for (std::size_t to = 0; to < costs.size(); ++to) {
      const Micros reduced =
          costs[from][to] - assignment.leaving()[from] - assignment.entering()[to];
      ASSERT_TRUE(from == to || reduced >= 0);
      if (static_cast<std::size_t>(assignment.successors()[from]) == to) {
        ASSERT_EQ(reduced, 0);
      }
    }
  }
}

TEST(Assignment, GoesOnFromItsPricesWhenItIsGivenMoreArcs) {
  const Matrix costs = random_costs(60, 9, 1000);
  Assignment few(60);
  for (std::size_t from = 0; from < 60; ++from) {
    for (const std::size_t step : {1u, 2u, 7u}) {
      const std::size_t to = (from + step) % 60;
      few.arcs_of(static_cast<Node>(from)).push_back({static_cast<Node>(to), costs[from][to]});
    }
  }
  ASSERT_TRUE(few.solve(kNeverStop));
  for (std::size_t from = 0; from < 60; ++from) {
    for (std::size_t to = 0; to < 60; ++to) {
      if (from != to) {
        few.arcs_of(static_cast<Node>(from)).push_back({static_cast<Node>(to), costs[from][to]});
      }
    }
  }
  ASSERT_TRUE(few.solve(kNeverStop));
  Assignment all = with_all_arcs(costs);
  ASSERT_TRUE(all.solve(kNeverStop));
  const auto sum = [&](const Assignment& assignment) {
    Micros total = 0;
    for (std::size_t from = 0; from < 60; ++from) {
      total += costs[from][static_cast<std::size_t>(assignment.successors()[from])];
    }
    return total;
  };
  EXPECT_EQ(sum(few), sum(all));
}

}  // namespace
}  // namespace mixtape::order
