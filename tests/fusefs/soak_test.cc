// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/bench/soak_world.h"
#include "tests/support/temp_dir.h"

// Some modelled hours of all that a daemon does (tests/bench/soak_world.h). Resident memory means
// nothing under the sanitizers; `tools/bench soak` judges it over 48 hours.

namespace mixtape::bench {
namespace {

TEST(SoakTest, HoursOfMixedWorkLeaveNothingOpenAndNoMoreInTheCatalogThanHappened) {
  constexpr int kWarm = 4, kQuarters = 12;
  // SQLite copies each log back when it has a thousand pages.
  constexpr std::uint64_t kLogs = 2 * 6 * MiB;
  const test::TempDir directory(test::TempDir::Place::memory);
  Soak soak(directory.path());
  std::vector<SoakSample> samples;
  for (int quarter = 0; quarter < kQuarters; ++quarter) {
    soak.quarter();
    samples.push_back(soak.sample());
  }
  EXPECT_TRUE(soak.problems().empty()) << soak.problems().front();
  EXPECT_GE(samples.back().hours, kQuarters / 4.0);
  EXPECT_GT(soak.done().recalled, 0U);
  EXPECT_GT(soak.done().verified, 0U);
  std::uint64_t descriptors = 0, threads = 0;
  for (int quarter = 0; quarter < kWarm; ++quarter) {
    const SoakSample& sample = samples[static_cast<std::size_t>(quarter)];
    descriptors = std::max(descriptors, sample.descriptors);
    threads = std::max(threads, sample.threads);
  }
  for (int quarter = kWarm; quarter < kQuarters; ++quarter) {
    const SoakSample& sample = samples[static_cast<std::size_t>(quarter)];
    // The loaded drives of recalls come and go.
    EXPECT_LE(sample.descriptors, descriptors + 2) << "quarter " << quarter;
    EXPECT_LE(sample.threads, threads + 1) << "quarter " << quarter;
    EXPECT_LE(sample.log, kLogs) << "quarter " << quarter;
  }
  // A version, its name, its content and copy, and a share of a job and its bundle.
  EXPECT_LE(bytes_per_version(samples, 1, samples.size()), 1000);
}

TEST(SoakTest, AQuantityThatGrowsIsToldFromOneThatStays) {
  std::vector<SoakSample> samples;
  for (int quarter = 0; quarter < 192; ++quarter) {
    SoakSample sample;
    sample.hours = quarter / 4.0;
    sample.resident = 100'000 + static_cast<std::uint64_t>(quarter % 7) * 1000;
    sample.descriptors = 20 + static_cast<std::uint64_t>(quarter) / 19;
    samples.push_back(sample);
  }
  EXPECT_NEAR(trend_of(samples, &SoakSample::resident).per_48_hours, 0, 500);
  EXPECT_NEAR(trend_of(samples, &SoakSample::descriptors).per_48_hours, 10, 0.5);
}

}  // namespace
}  // namespace mixtape::bench
