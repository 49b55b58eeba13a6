// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/sim_drive.h"

#include <gtest/gtest.h>

#include "tapeio/faulty_drive.h"
#include "tapeio/memory_drive.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// What a simulated drive makes of operations: modelled times, counts, features. All deterministic:
// the host's time stands still unless the test moves it.

namespace mixtape::tapeio::lto {
namespace {

using test::error_of;

constexpr std::size_t kRecord = 64 * KiB;
constexpr std::uint64_t kCapacity = 8 * MiB;  // 128 records.

class LtoSimDrive : public testing::Test {
 protected:
  LtoSimDrive() { insert({}); }

  void insert(FaultPlan faults) {
    drive_.reset();
    MemoryDrive reader(medium_);
    cartridge_.map = TapeMap::of(reader);
    model_.load(cartridge_);
    drive_ = std::make_unique<SimDrive>(
        std::make_unique<FaultyDrive>(std::make_unique<MemoryDrive>(medium_), std::move(faults)),
        model_);
  }
  WriteResult write() { return drive_->write_record(record_); }
  void write(int records) {
    for (int count = 0; count < records; ++count) {
      ASSERT_TRUE(write().written);
    }
  }
  void filemark() { ASSERT_TRUE(drive_->write_filemark().written); }
  ReadResult read() { return drive_->read_record(buffer_); }
  double seconds(SimKind kind) { return model_.report().seconds_of(kind); }

  const GenerationFigures& figures_ = figures_of(9);
  const double scale_ = static_cast<double>(figures_.native_bytes) / kCapacity;
  MemoryMedium medium_{
      {.label = "MX0001L9", .space = MediumSpace::with_default_warning(kCapacity)}};
  Cartridge cartridge_{"MX0001L9", {}, CartridgeGeometry(figures_, kCapacity)};
  ManualHostTime host_time_;
  DriveModel model_{{.generation = 9, .scale = scale_, .host_time = &host_time_}};
  std::unique_ptr<SimDrive> drive_;
  const Bytes record_ = test::pattern(kRecord);
  Bytes buffer_ = Bytes(kRecord);
};

TEST_F(LtoSimDrive, LoadingTakesThePublishedTime) {
  EXPECT_DOUBLE_EQ(seconds(SimKind::load), figures_.load_s);
}

TEST_F(LtoSimDrive, WritingAWholeCartridgeTakesTwelveAndAHalfHours) {
  write(128);
  filemark();
  // 18 TB at 400 MB/s.
  EXPECT_NEAR(seconds(SimKind::transfer), 45000, 25);
  EXPECT_GT(model_.report().sequential_share(), 0.99);
  EXPECT_EQ(model_.report().underruns, 0u);
}

TEST_F(LtoSimDrive, ReadingInOrderIsAllTransfer) {
  write(100);
  filemark();
  drive_->rewind();
  const SimReport before = model_.report();
  for (int count = 0; count < 101; ++count) {
    EXPECT_NE(read().kind, ReadResult::Kind::end_of_data);
  }
  const SimReport after = model_.report();
  EXPECT_NEAR(after.seconds_of(SimKind::transfer) - before.seconds_of(SimKind::transfer),
              45000.0 * 100 / 128, 25);
  // The start from a stand.
  EXPECT_LT(after.seconds_of(SimKind::locate) - before.seconds_of(SimKind::locate), 5);
  EXPECT_EQ(after.repositions, before.repositions);
}

TEST_F(LtoSimDrive, LocateTakesWhatTheModelSays) {
  write(120);
  filemark();
  drive_->rewind();
  const double before = seconds(SimKind::locate);
  drive_->locate(77);
  const double expected = model_.positioning().locate_seconds(
      cartridge_.geometry.at(0), Motion::standing, cartridge_.geometry.at(77 * kRecord));
  EXPECT_NEAR(seconds(SimKind::locate) - before, expected, 1e-9);
  drive_->locate(77);
  EXPECT_NEAR(seconds(SimKind::locate) - before, expected, 1e-9);
}

TEST_F(LtoSimDrive, RewindAndUnloadTakeWhatTheModelSays) {
  write(10);
  filemark();
  const TapePoint end = cartridge_.geometry.at(cartridge_.map.end_bytes());
  drive_->rewind();
  EXPECT_NEAR(seconds(SimKind::rewind), model_.positioning().rewind_seconds(end, Motion::streaming),
              1e-9);
  drive_->unload();
  EXPECT_DOUBLE_EQ(seconds(SimKind::unload), 30 + 2 * 55);
  EXPECT_FALSE(drive_->medium().has_value());
  EXPECT_EQ(error_of([&] { return read(); }), ErrorCode::no_medium);
}

TEST_F(LtoSimDrive, ClockIsTheSumOfAllParts) {
  write(20);
  filemark();
  drive_->rewind();
  drive_->locate(13);
  static_cast<void>(read());
  ASSERT_NE(drive_->features().clock, nullptr);
  EXPECT_NEAR(std::chrono::duration<double>(drive_->features().clock->elapsed()).count(),
              model_.report().total_seconds(), 1e-6);
}

TEST_F(LtoSimDrive, AppendingBehindWhatWasReadRepositionsOnce) {
  write(4);
  filemark();
  drive_->rewind();
  for (int count = 0; count < 5; ++count) {
    static_cast<void>(read());
  }
  const double before = seconds(SimKind::reposition);
  write(1);
  EXPECT_NEAR(seconds(SimKind::reposition) - before, model_.positioning().reposition_seconds(),
              1e-9);
}

TEST_F(LtoSimDrive, SlowHostRunsTheTapeDryAndTheGaugesSaySo) {
  // Each record stands for 140 GB: at 100 MB/s a host needs 1406 modelled seconds for it, that is
  // 1406 / scale of its own.
  const double host_s = kRecord * scale_ / 100e6 / scale_;
  for (int count = 0; count < 10; ++count) {
    host_time_.advance(host_s);
    ASSERT_TRUE(write().written);
  }
  const DriveHealth health = drive_->features().gauges->health();
  EXPECT_GT(health.underruns.value(), 0u);
  EXPECT_GE(health.repositions.value(), health.underruns.value());
  EXPECT_EQ(model_.report().underruns, health.underruns.value());
}

TEST_F(LtoSimDrive, HostAtAMatchedSpeedDoesNot) {
  for (int count = 0; count < 10; ++count) {
    host_time_.advance(kRecord / 200e6);
    ASSERT_TRUE(write().written);
  }
  EXPECT_EQ(drive_->features().gauges->health().underruns, 0u);
  EXPECT_EQ(drive_->features().gauges->health().repositions, 0u);
}

TEST_F(LtoSimDrive, EndsOfWrapsFollowWhatIsWritten) {
  WrapMap* wraps = drive_->features().wraps;
  ASSERT_NE(wraps, nullptr);
  EXPECT_TRUE(wraps->ends_of_wraps().empty());
  write(64);
  filemark();
  // Half of the cartridge: half of its wraps, and the filemark.
  EXPECT_EQ(wraps->ends_of_wraps().size(), figures_.wraps() / 2 + 1);
  EXPECT_EQ(wraps->ends_of_wraps().back(), 64u);
  drive_->locate(32);
  write(1);
  EXPECT_EQ(wraps->ends_of_wraps().back(), 32u);
}

TEST_F(LtoSimDrive, SpaceAndWearAreToldInTheHostsBytes) {
  write(16);
  const DriveFeatures features = drive_->features();
  const RemainingSpace space = features.space->remaining().value();
  EXPECT_EQ(space.capacity_bytes, kCapacity);
  EXPECT_EQ(space.remaining_bytes, kCapacity - MiB);
  const MediumWear wear = features.memory->wear();
  EXPECT_EQ(wear.loads, 1u);
  EXPECT_EQ(wear.mebibytes_written_ever, 1u);
  EXPECT_EQ(wear.mebibytes_remaining, 7u);
  EXPECT_EQ(wear.density, 0x60);
  MediumStory story;
  story.barcode = "MX0001L9";
  features.memory->write_story(story);
  EXPECT_EQ(features.memory->story().barcode, "MX0001L9");
  EXPECT_NE(features.identity.value().notes.at(0).find("simulated"), std::string::npos);
}

TEST_F(LtoSimDrive, EarlyWarningComesAtEveryRecordThatIsAskedFor) {
  const std::uint64_t own = MediumSpace::with_default_warning(kCapacity).early_warning_bytes;
  const auto records_without = static_cast<int>((kCapacity - own - 1) / kRecord);
  for (int record = 1; record <= records_without; ++record) {
    insert({});
    drive_->rewind();
    const std::uint64_t left = kCapacity - static_cast<std::uint64_t>(record) * kRecord;
    ASSERT_TRUE(drive_->features().space->warn_earlier(left - own));
    for (int count = 1; count < record; ++count) {
      ASSERT_FALSE(write().early_warning) << count << " of " << record;
    }
    EXPECT_TRUE(write().early_warning) << record;
    EXPECT_TRUE(drive_->write_filemark().early_warning);
    EXPECT_EQ(drive_->position().block, static_cast<std::uint64_t>(record) + 1);
  }
}

TEST_F(LtoSimDrive, PlannedFaultsBelowPassThroughAndAreAccounted) {
  insert({.fail_write = 2, .early_warning_after_bytes = 3 * kRecord});
  write(2);
  EXPECT_EQ(error_of([&] { return write(); }), ErrorCode::io);
  EXPECT_EQ(drive_->position().block, 2u);
  EXPECT_TRUE(write().early_warning);
  EXPECT_EQ(cartridge_.map.end_block(), 3u);
  EXPECT_EQ(model_.report().bytes_written, 3 * kRecord);
}

TEST_F(LtoSimDrive, BadRecordIsPassedAndTakesItsTime) {
  write(5);
  filemark();
  insert({.bad_records = {1}});
  static_cast<void>(read());
  const double before = seconds(SimKind::transfer);
  EXPECT_EQ(error_of([&] { return read(); }), ErrorCode::bad_medium);
  EXPECT_NEAR(seconds(SimKind::transfer) - before, kRecord * scale_ / figures_.native_rate, 1e-6);
  EXPECT_EQ(drive_->position().block, 2u);
}

TEST_F(LtoSimDrive, DriveWhosePowerWasCutIsGivenBackWithoutAWord) {
  insert({.cut_power_before_operation = 0});
  EXPECT_THROW(static_cast<void>(drive_->write_record(record_)), PowerCut);
  const DriveReport report = report_of(*drive_);
  EXPECT_FALSE(report.space.has_value());
  drive_.reset();
}

}  // namespace
}  // namespace mixtape::tapeio::lto
