// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/report.h"

#include <gtest/gtest.h>

#include <limits>

#include "tapeio/lto/clock.h"
#include "tapeio/lto/sim_trace.h"
#include "tests/support/temp_dir.h"

namespace mixtape::tapeio::lto {
namespace {

TEST(LtoReport, SaysWhatTheTimeWentTo) {
  SimReport report;
  report.add(SimKind::load, 17, 1);
  report.add(SimKind::locate, 45, 1);
  report.add(SimKind::transfer, 130, 7);
  report.bytes_read = 52'000'000'000;
  report.underruns = 2;
  report.repositions = 3;
  EXPECT_EQ(to_string(report),
            "simulated: 3 min 12 s (load 17 s, locate 45 s, transfer 2 min 10 s), 67.7 % "
            "sequential, 52000000000 bytes read, 0 written, 2 underruns, 3 repositions");
}

TEST(LtoReport, WaitingIsNoneOfTheDrivesTime) {
  SimReport report;
  EXPECT_EQ(report.sequential_share(), 0);
  report.add(SimKind::transfer, 10, 1);
  report.add(SimKind::waiting, 1000, 1);
  EXPECT_EQ(report.sequential_share(), 1);
  EXPECT_EQ(report.total_seconds(), 1010);
}

TEST(LtoReport, ReportsOfSeveralDrivesAddUp) {
  SimReport one, other;
  one.add(SimKind::robot, 10, 1);
  other.add(SimKind::robot, 10, 1);
  other.bytes_written = 5;
  one += other;
  EXPECT_EQ(one.seconds_of(SimKind::robot), 20);
  EXPECT_EQ(one.count_of(SimKind::robot), 2u);
  EXPECT_EQ(one.bytes_written, 5u);
}

TEST(LtoClock, VirtualClockLetsNobodyWait) {
  SimClock clock;
  clock.wait(3600);
  clock.pass(1.5);
  EXPECT_EQ(clock.elapsed(), std::chrono::milliseconds(3601500));
}

TEST(LtoClock, ScaledClockSleepsItsShare) {
  double slept = 0;
  SimClock clock(60, [&](double seconds) { slept += seconds; });
  clock.wait(120);
  clock.pass(1000);
  EXPECT_DOUBLE_EQ(slept, 2);
}

TEST(LtoTrace, LineNamesPlaceAndTime) {
  const SimTraceLine line{.at_s = 62.25,
                          .drive = "drive 1",
                          .medium = "MX0001L9",
                          .operation = "locate",
                          .block_before = 0,
                          .block_after = 812,
                          .from = {0, 15.525},
                          .to = {3, 402.04},
                          .seconds = 45.125};
  EXPECT_EQ(to_string(line),
            "62.250\tdrive 1\tMX0001L9\tlocate\t1\t0/0/15.5\t812/3/402.0\t0\t45.125\tdone\n");
}

TEST(LtoTrace, FullFileMakesRoomForANewOne) {
  const test::TempDir directory(test::TempDir::Place::memory);
  const std::string path = directory / "trace.txt";
  SimTrace trace(path, 150);
  const SimTraceLine line{.drive = "drive 1", .operation = "load"};
  for (int count = 0; count < 7; ++count) {
    trace.append(line);
  }
  const std::string one = to_string(line);
  EXPECT_LE(test::read_text(path).size(), 150u);
  EXPECT_LE(test::read_text(path + ".1").size(), 150u);
  EXPECT_EQ(test::read_text(path).size() % one.size(), 0u);
}

}  // namespace
}  // namespace mixtape::tapeio::lto
