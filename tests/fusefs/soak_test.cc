// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/bench/soak_world.h"
#include "tests/support/temp_dir.h"

// Some modelled hours of all that a daemon does (tests/bench/soak_world.h). Resident memory means
// nothing under the sanitizers; `tools/bench soak` judges it over 48 hours.

namespace mixtape::bench {
namespace {

TEST(SoakTest, HoursOfMixedWorkLeaveNothingOpenAndNoMoreInTheCatalogThanHappened) {
  constexpr std::uint64_t kFirstRecalls = 6, kQuarters = 6;
  // SQLite copies each log back when it has a thousand pages.
  constexpr std::uint64_t kLogs = 2 * 6 * MiB;
  const test::TempDir directory(test::TempDir::Place::memory);
  Soak soak(directory.path());
  // Recalls begin when a first cartridge is full; an hour later each kind of work was done beside
  // them once, and everything is open that ever is.
  while (soak.done().recalled < kFirstRecalls && soak.rounds() < 50) {
    soak.quarter();
  }
  for (int quarter = 0; quarter < 4; ++quarter) {
    soak.quarter();
  }
  const SoakSample warm = soak.sample();
  std::vector<SoakSample> samples{warm};
  while (samples.size() <= kQuarters) {
    soak.quarter();
    samples.push_back(soak.sample());
    const SoakSample& sample = samples.back();
    // The drives of recalls come and go.
    EXPECT_LE(sample.descriptors, warm.descriptors + 4) << "round " << soak.rounds();
    EXPECT_LE(sample.threads, warm.threads + 1) << "round " << soak.rounds();
    EXPECT_LE(sample.log, kLogs) << "round " << soak.rounds();
  }
  EXPECT_TRUE(soak.problems().empty()) << soak.problems().front();
  EXPECT_GE(samples.back().hours, static_cast<double>(soak.rounds()) / 4);
  EXPECT_GE(soak.done().recalled, kFirstRecalls);
  EXPECT_GT(soak.done().verified, 0U);
  // A version, its name, its content and copy, and a share of a job and its bundle.
  EXPECT_LE(bytes_per_version(samples, 0, samples.size()), 1000);
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
