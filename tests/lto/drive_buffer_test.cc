// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/drive_buffer.h"

#include <gtest/gtest.h>

namespace mixtape::tapeio::lto {
namespace {

constexpr double kMega = 1e6;
constexpr double kReposition = 5;

class LtoDriveBuffer : public testing::Test {
 protected:
  // `seconds` of a host at this rate, in records of one megabyte.
  DriveBuffer::Spent run(double megabytes_per_second, double seconds) {
    DriveBuffer::Spent sum;
    const int records = static_cast<int>(megabytes_per_second * seconds);
    for (int record = 0; record < records; ++record) {
      add(sum, buffer_.pass(1 / megabytes_per_second, kMega));
    }
    return sum;
  }
  static void add(DriveBuffer::Spent& sum, const DriveBuffer::Spent& spent) {
    sum.transfer_s += spent.transfer_s;
    sum.reposition_s += spent.reposition_s;
    sum.idle_s += spent.idle_s;
  }

  DriveBuffer buffer_{{.capacity_bytes = 1000 * kMega,
                       .speeds = {400 * kMega, 300 * kMega, 200 * kMega},
                       .reposition_s = kReposition}};
};

TEST_F(LtoDriveBuffer, HostAboveTheNativeRateIsHeldToIt) {
  buffer_.begin(DriveBuffer::Direction::writing);
  DriveBuffer::Spent spent = run(1000, 20);
  add(spent, buffer_.drain());
  // All but what came before the tape started.
  EXPECT_NEAR(spent.total(), 20000 / 400.0, 1);
  EXPECT_EQ(buffer_.underruns(), 0u);
}

TEST_F(LtoDriveBuffer, HostBetweenTheSpeedsIsMatchedWithoutAStop) {
  for (const double rate : {210.0, 250.0, 320.0, 390.0}) {
    buffer_.begin(DriveBuffer::Direction::writing);
    const DriveBuffer::Spent spent = run(rate, 200);
    EXPECT_NEAR(spent.total(), 200, 0.5) << rate;
    EXPECT_EQ(buffer_.underruns(), 0u) << rate;
  }
  EXPECT_EQ(buffer_.repositions(), 0u);
}

TEST_F(LtoDriveBuffer, HostBelowTheLowestSpeedMakesItRunDry) {
  buffer_.begin(DriveBuffer::Direction::writing);
  const DriveBuffer::Spent spent = run(100, 200);
  EXPECT_GT(buffer_.underruns(), 5u);
  EXPECT_EQ(buffer_.repositions(), buffer_.underruns());
  // The buffer hides the stops: the host is not held up.
  EXPECT_NEAR(spent.total(), 200, 1e-6);
  EXPECT_NEAR(spent.transfer_s, 100, 10);
}

TEST_F(LtoDriveBuffer, EachUnderrunCostsARepositionOnce) {
  buffer_.begin(DriveBuffer::Direction::writing);
  const DriveBuffer::Spent first = buffer_.pass(1, 600 * kMega);
  const DriveBuffer::Spent pause = buffer_.pass(100, 0);
  EXPECT_EQ(buffer_.underruns(), 1u);
  EXPECT_NEAR(first.reposition_s + pause.reposition_s, kReposition, 1e-6);
  EXPECT_NEAR(first.total() + pause.total(), 101, 1e-6);
}

TEST_F(LtoDriveBuffer, HostWaitsForARepositionThatIsNotHidden) {
  buffer_.begin(DriveBuffer::Direction::writing);
  static_cast<void>(buffer_.pass(0, 100 * kMega));
  const DriveBuffer::Spent synced = buffer_.drain();
  EXPECT_NEAR(synced.total(), 0.25, 1e-9);
  static_cast<void>(buffer_.pass(0, 100 * kMega));
  const DriveBuffer::Spent again = buffer_.drain();
  EXPECT_NEAR(again.total(), kReposition + 0.25, 1e-9);
  EXPECT_EQ(buffer_.underruns(), 0u);
  EXPECT_EQ(buffer_.repositions(), 2u);
}

TEST_F(LtoDriveBuffer, ReaderGetsTheNativeRate) {
  buffer_.begin(DriveBuffer::Direction::reading);
  const DriveBuffer::Spent spent = buffer_.pass(0, 4000 * kMega);
  EXPECT_NEAR(spent.transfer_s, 10, 1e-6);
  EXPECT_NEAR(spent.total(), 10, 1e-6);
}

TEST_F(LtoDriveBuffer, SlowReaderStopsTheTapeWhenTheReadAheadIsFull) {
  buffer_.begin(DriveBuffer::Direction::reading);
  const DriveBuffer::Spent spent = run(100, 100);
  EXPECT_GT(buffer_.repositions(), 3u);
  EXPECT_EQ(buffer_.underruns(), 0u);
  EXPECT_NEAR(spent.total(), 100, 1);
}

TEST_F(LtoDriveBuffer, OneHugeTransferIsAsManySmallOnes) {
  buffer_.begin(DriveBuffer::Direction::writing);
  const DriveBuffer::Spent huge = buffer_.pass(80, 20000 * kMega);
  EXPECT_NEAR(huge.total(), 80, 1);
  EXPECT_EQ(buffer_.underruns(), 0u);
  // Also when there are more steps in it than are simulated.
  const DriveBuffer::Spent enormous = buffer_.pass(0, 1e9 * kMega);
  EXPECT_NEAR(enormous.total(), 1e9 / 400, 10);
}

}  // namespace
}  // namespace mixtape::tapeio::lto
