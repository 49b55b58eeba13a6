// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_batch.h"

#include <gtest/gtest.h>

#include <numeric>

namespace mixtape::service {
namespace {

std::uint64_t zeros_in(const RestoreBatch& batch) {
  return std::accumulate(
      batch.events.begin(), batch.events.end(), std::uint64_t{0},
      [](std::uint64_t sum, const RestoreEvent& event) { return sum + event.zeros; });
}

// A restore cannot be stopped before one batch is hashed.
TEST(RestoreBatchTest, ManyHolesAreNoMoreZerosThanOneLargeHole) {
  constexpr std::uint64_t kMost = RestoreBatch::kMostZeros;
  for (const std::uint64_t hole : {std::uint64_t{4096}, kMost / 2 + 1, kMost - 4096, kMost - 1,
                                   kMost, std::uint64_t{1} << 62}) {
    const auto chunk = std::make_shared<Bytes>(1);
    RestoreBatch batch;
    while (!batch.is_full()) {
      batch.add_data(*chunk, chunk);
      if (!batch.is_full()) {
        ASSERT_GT(batch.add_zeros(hole), 0U) << hole;
      }
    }
    EXPECT_LE(zeros_in(batch), kMost) << "holes of " << hole;
  }
}

TEST(RestoreBatchTest, WhatDoesNotFitIsForTheNextOne) {
  constexpr std::uint64_t kMost = RestoreBatch::kMostZeros;
  RestoreBatch batch;
  EXPECT_EQ(batch.add_zeros(kMost - 10), kMost - 10);
  EXPECT_FALSE(batch.is_full());
  EXPECT_EQ(batch.add_zeros(15), 10U);
  EXPECT_TRUE(batch.is_full());
  batch.clear();
  EXPECT_FALSE(batch.is_full());
  EXPECT_EQ(batch.add_zeros(kMost), kMost);
}

}  // namespace
}  // namespace mixtape::service
