// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tapeio/drive_trace.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/memory_drive.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// Proves the instruments that other tests measure with: what a trace counts, what a plan breaks.

namespace mixtape::tapeio {
namespace {

using test::error_of;
using test::pattern;
using Kind = TracedOperation::Kind;

constexpr std::size_t kSize = 100;

class Tracing : public testing::Test {
 protected:
  // Two tape files of three records each, then a fresh load.
  void SetUp() override {
    MemoryDrive writer(medium_);
    for (int object = 0; object < 8; ++object) {
      const bool is_filemark = object % 4 == 3;
      ASSERT_TRUE(
          (is_filemark ? writer.write_filemark() : writer.write_record(pattern(kSize))).written);
    }
    drive_ = std::make_unique<TracedDrive>(std::make_unique<MemoryDrive>(medium_), trace_);
  }
  void read() {
    Bytes buffer(kSize);
    static_cast<void>(drive_->read_record(buffer));
  }

  MemoryMedium medium_;
  DriveTrace trace_;
  std::unique_ptr<TracedDrive> drive_;
};

TEST_F(Tracing, EveryOperationIsNotedWithPlaceAndBytes) {
  read();
  drive_->locate(4);
  EXPECT_EQ(drive_->space_filemarks(1), 1u);
  ASSERT_TRUE(drive_->write_record(pattern(7)).written);
  ASSERT_TRUE(drive_->write_filemark().written);
  drive_->rewind();
  drive_->seek_end_of_data();
  const std::vector<TracedOperation> expected = {
      {Kind::load, 0, 0, 0, false},         {Kind::read_record, 0, 1, kSize, false},
      {Kind::locate, 1, 4, 0, false},       {Kind::space_filemarks, 4, 8, 0, false},
      {Kind::write_record, 8, 9, 7, false}, {Kind::write_filemark, 9, 10, 0, false},
      {Kind::rewind, 10, 0, 0, false},      {Kind::seek_end_of_data, 0, 10, 0, false}};
  EXPECT_EQ(trace_.operations(), expected);
  EXPECT_EQ(trace_.bytes_read(), kSize);
  EXPECT_EQ(trace_.bytes_written(), 7u);
  EXPECT_EQ(to_string(expected[1]), "read record 0 -> 1, 100 bytes");
}

TEST_F(Tracing, FailedOperationIsNotedAsSuch) {
  EXPECT_EQ(error_of([&] { return drive_->locate(99), 0; }), ErrorCode::invalid);
  EXPECT_EQ(trace_.operations().back(), (TracedOperation{Kind::locate, 0, 8, 0, true}));
}

TEST_F(Tracing, AskingIsNoOperation) {
  static_cast<void>(drive_->medium());
  static_cast<void>(drive_->position());
  drive_->name_next_file("x");
  EXPECT_EQ(trace_.operations().size(), 1u);
}

TEST_F(Tracing, ReadingFromTheBeginningIsNoSeek) {
  read();
  read();
  EXPECT_EQ(trace_.seeks(), 0u);
}

TEST_F(Tracing, RunOfPositioningBetweenTransfersIsOneSeek) {
  read();
  drive_->rewind();
  EXPECT_EQ(drive_->space_filemarks(1), 1u);
  drive_->locate(6);
  read();
  EXPECT_EQ(trace_.seeks(), 1u);
}

TEST_F(Tracing, RunThatEndsWhereItBeganIsNoSeek) {
  read();
  drive_->rewind();
  drive_->locate(1);
  read();
  drive_->locate(2);
  read();
  EXPECT_EQ(trace_.seeks(), 0u);
}

TEST_F(Tracing, EachRunThatMovesCounts) {
  drive_->locate(4);
  read();
  drive_->locate(1);
  read();
  drive_->locate(6);
  EXPECT_EQ(trace_.seeks(), 3u);
}

TEST_F(Tracing, LoadingEndsARunAndIsNoSeek) {
  drive_->locate(4);
  const TracedDrive again(std::make_unique<MemoryDrive>(medium_), trace_);
  EXPECT_EQ(trace_.seeks(), 1u);
  EXPECT_EQ(trace_.count(Kind::load), 2u);
}

TEST_F(Tracing, ClearedTraceIsEmpty) {
  read();
  trace_.clear();
  EXPECT_TRUE(trace_.operations().empty());
  EXPECT_EQ(trace_.seeks(), 0u);
}

class Faults : public testing::Test {
 protected:
  FaultyDrive& drive_with(FaultPlan plan) {
    drive_ = std::make_unique<FaultyDrive>(std::make_unique<MemoryDrive>(medium_), std::move(plan));
    return *drive_;
  }
  static WriteResult write(TapeDrive& drive) { return drive.write_record(pattern(kSize)); }
  static ReadResult read(TapeDrive& drive) {
    Bytes buffer(kSize);
    return drive.read_record(buffer);
  }

  MemoryMedium medium_;
  std::unique_ptr<FaultyDrive> drive_;
};

TEST_F(Faults, PlannedOperationFailsOnceAndDoesNothing) {
  TapeDrive& drive = drive_with({.fail_operation = 1});
  EXPECT_TRUE(write(drive).written);
  EXPECT_EQ(error_of([&] { return write(drive); }), ErrorCode::io);
  EXPECT_EQ(medium_.object_count(), 1u);
  EXPECT_TRUE(write(drive).written);
}

TEST_F(Faults, PlannedWriteCountsRecordsAndFilemarksOnly) {
  TapeDrive& drive = drive_with({.fail_write = 1});
  EXPECT_TRUE(write(drive).written);
  drive.rewind();
  drive.seek_end_of_data();
  EXPECT_EQ(error_of([&] { return drive.write_filemark(); }), ErrorCode::io);
  EXPECT_EQ(medium_.object_count(), 1u);
  EXPECT_TRUE(drive.write_filemark().written);
}

TEST_F(Faults, EarlyWarningBeginsWithTheByteThatReachesIt) {
  TapeDrive& drive = drive_with({.early_warning_after_bytes = 2 * kSize});
  EXPECT_FALSE(write(drive).early_warning);
  EXPECT_TRUE(write(drive).early_warning);
  EXPECT_TRUE(write(drive).written);
  EXPECT_TRUE(drive.write_filemark().early_warning);
}

TEST_F(Faults, HardEndTakesNoRecordMoreButFilemarks) {
  TapeDrive& drive = drive_with({.hard_end_after_bytes = 2 * kSize});
  EXPECT_TRUE(write(drive).written);
  EXPECT_TRUE(write(drive).written);
  EXPECT_FALSE(write(drive).written);
  EXPECT_EQ(drive.position().block, 2u);
  EXPECT_TRUE(drive.write_filemark().written);
}

// Bytes count what was written; blocks are places, and stay where they are when one writes over.
TEST_F(Faults, APlaceWhereTheMediumEndsIsTheSameForWhateverIsWrittenThere) {
  TapeDrive& drive = drive_with({.warns_from_block = 1, .ends_at_block = 2});
  for (int pass = 0; pass < 2; ++pass) {
    drive.rewind();
    EXPECT_FALSE(write(drive).early_warning);
    EXPECT_TRUE(write(drive).early_warning);
    EXPECT_FALSE(write(drive).written);
    EXPECT_EQ(drive.position().block, 2u);
    EXPECT_TRUE(drive.write_filemark().written);
  }
}

TEST_F(Faults, AnEndForFilemarksTooTakesNothing) {
  TapeDrive& drive = drive_with({.ends_at_block = 1, .ends_for_filemarks = true});
  EXPECT_TRUE(write(drive).written);
  EXPECT_FALSE(drive.write_filemark().written);
  EXPECT_EQ(drive.position().block, 1u);
}

TEST_F(Faults, BadRecordFailsEveryTimeAndIsPassed) {
  TapeDrive& drive = drive_with({.bad_records = {1}});
  ASSERT_TRUE(write(drive).written);
  ASSERT_TRUE(write(drive).written);
  ASSERT_TRUE(write(drive).written);
  for (int pass = 0; pass < 2; ++pass) {
    drive.rewind();
    EXPECT_EQ(read(drive).kind, ReadResult::Kind::record);
    EXPECT_EQ(error_of([&] { return read(drive); }), ErrorCode::bad_medium);
    EXPECT_EQ(drive.position().block, 2u);
    EXPECT_EQ(read(drive).kind, ReadResult::Kind::record);
  }
}

TEST_F(Faults, FlippedRecordComesBackWrongWithoutAnError) {
  TapeDrive& drive = drive_with({.flipped_records = {0}});
  ASSERT_TRUE(write(drive).written);
  drive.rewind();
  Bytes buffer(kSize);
  EXPECT_EQ(drive.read_record(buffer).kind, ReadResult::Kind::record);
  EXPECT_NE(buffer, pattern(kSize));
}

TEST_F(Faults, PowerCutEndsEverythingFromThatOperationOn) {
  int cuts = 0;
  FaultyDrive& drive = drive_with({.cut_power_before_operation = 2, .on_power_cut = [&] {
                                     ++cuts;
                                     medium_.cut_power();
                                   }});
  ASSERT_TRUE(write(drive).written);
  ASSERT_TRUE(drive.write_filemark().written);
  EXPECT_THROW(static_cast<void>(write(drive)), PowerCut);
  EXPECT_THROW(static_cast<void>(drive.position()), PowerCut);
  EXPECT_THROW(static_cast<void>(drive.medium()), PowerCut);
  EXPECT_THROW(drive.rewind(), PowerCut);
  EXPECT_EQ(cuts, 1);
  EXPECT_EQ(drive.operations(), 2u);
  EXPECT_EQ(medium_.object_count(), 2u);
}

}  // namespace
}  // namespace mixtape::tapeio
