// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/contract/tape_drive_contract.h"

// How a drive changes a medium: where data ends, when it is durable, what happens when it is full.

namespace mixtape::test {

using tapeio::WriteResult;

TEST_P(TapeDriveContract, HeadStandsAfterWhatWasWritten) {
  write(1);
  expect_position(1, 0);
  filemark();
  expect_position(2, 1);
}

TEST_P(TapeDriveContract, EmptyRecordIsRefusedAndWritesNothing) {
  write(1);
  EXPECT_EQ(error_of([&] { return drive().write_record({}); }), ErrorCode::invalid);
  expect_position(1, 0);
  expect_tape({1});
}

TEST_P(TapeDriveContract, TooLargeRecordIsRefusedAndWritesNothing) {
  write(1);
  const Bytes too_large(tapeio::kMaxRecordSize + 1);
  EXPECT_EQ(error_of([&] { return drive().write_record(too_large); }), ErrorCode::invalid);
  expect_position(1, 0);
  expect_tape({1});
}

TEST_P(TapeDriveContract, DriveReadsItsOwnRecordsBeforeTheirFilemark) {
  write_tape({1, kFilemark, 2, 3});
  drive().locate(2);
  expect_objects({2, 3});
  expect_position(4, 1);
}

TEST_P(TapeDriveContract, WritingGoesOnAfterReadingBackAnUnfinishedTapeFile) {
  write_tape({1, kFilemark, 2, 3});
  drive().locate(3);
  expect_record(3);
  write_tape({4, kFilemark});
  expect_tape({1, kFilemark, 2, 3, 4, kFilemark});
}

TEST_P(TapeDriveContract, WritingEndsTheDataWhereverTheHeadIs) {
  const std::vector<int> tape = {1, 2, kFilemark, 3, kFilemark, kFilemark, 4, 5, kFilemark};
  for (std::size_t block = 0; block <= tape.size(); ++block) {
    start_with_capacity(64 * MiB);
    write_tape(tape);
    drive().locate(block);
    write_tape({9, kFilemark});
    std::vector<int> expected(tape.begin(), tape.begin() + static_cast<std::ptrdiff_t>(block));
    expected.insert(expected.end(), {9, kFilemark});
    expect_tape(expected);
    reload();
    expect_tape(expected);
  }
}

TEST_P(TapeDriveContract, FilemarkEndsTheDataWhereverTheHeadIs) {
  const std::vector<int> tape = {1, 2, kFilemark, 3, kFilemark, kFilemark, 4, 5, kFilemark};
  for (std::size_t block = 0; block <= tape.size(); ++block) {
    start_with_capacity(64 * MiB);
    write_tape(tape);
    drive().locate(block);
    filemark();
    std::vector<int> expected(tape.begin(), tape.begin() + static_cast<std::ptrdiff_t>(block));
    expected.push_back(kFilemark);
    expect_position(block + 1, static_cast<std::uint64_t>(
                                   std::count(expected.begin(), expected.end(), kFilemark)));
    expect_tape(expected);
    reload();
    expect_tape(expected);
  }
}

TEST_P(TapeDriveContract, OverwritingWithinAnUnfinishedTapeFileEndsItThere) {
  write_tape({1, kFilemark, 2, 3, 4});
  drive().locate(3);
  write_tape({9, kFilemark});
  reload();
  expect_tape({1, kFilemark, 2, 9, kFilemark});
}

TEST_P(TapeDriveContract, OverwritingBeforeAnUnfinishedTapeFileDropsIt) {
  write_tape({1, kFilemark, 2, kFilemark, 3, 4});
  drive().locate(2);
  write_tape({9, kFilemark});
  reload();
  expect_tape({1, kFilemark, 9, kFilemark});
}

TEST_P(TapeDriveContract, WhatStandsBeforeAFilemarkSurvivesAPowerCut) {
  write_tape({1, kFilemark, 2, 3, kFilemark});
  cut_power_and_reload();
  expect_tape({1, kFilemark, 2, 3, kFilemark});
}

TEST_P(TapeDriveContract, PowerCutLeavesAtLeastWhatStandsBeforeTheLastFilemark) {
  write_tape({1, kFilemark, 2, 3});
  cut_power_and_reload();
  expect_record(1);
  expect_filemark();
  drive().seek_end_of_data();
  EXPECT_GE(drive().position().block, 2u);
  EXPECT_LE(drive().position().block, 4u);
}

TEST_P(TapeDriveContract, MediumIsWritableAfterAPowerCut) {
  write_tape({1, kFilemark, 2, 3});
  cut_power_and_reload();
  ASSERT_EQ(drive().space_filemarks(1), 1u);
  write_tape({4, kFilemark});
  reload();
  expect_tape({1, kFilemark, 4, kFilemark});
}

TEST_P(TapeDriveContract, EarlyWarningComesBeforeTheHardEndAndWhatWasAskedIsWritten) {
  start_with_capacity(1 * MiB);
  const Filling filling = fill_until_early_warning();
  EXPECT_TRUE(filling.last.written);
  const WriteResult next = drive().write_record(record(0));
  EXPECT_TRUE(next.written);
  EXPECT_TRUE(next.early_warning);
  EXPECT_TRUE(drive().write_filemark().early_warning);
}

TEST_P(TapeDriveContract, HardEndWritesNothingAndKeepsWhatIsBefore) {
  start_with_capacity(1 * MiB);
  const Filling filling = fill_until_hard_end();
  EXPECT_TRUE(filling.last.early_warning);
  expect_position(static_cast<std::uint64_t>(filling.records), 0);
  drive().rewind();
  for (int seed = 0; seed < filling.records; ++seed) {
    expect_record(seed);
  }
  expect_end_of_data();
}

TEST_P(TapeDriveContract, FilemarkFindsRoomBehindTheHardEnd) {
  start_with_capacity(1 * MiB);
  const Filling filling = fill_until_hard_end();
  const WriteResult result = drive().write_filemark();
  EXPECT_TRUE(result.written);
  EXPECT_TRUE(result.early_warning);
  cut_power_and_reload();
  drive().seek_end_of_data();
  expect_position(static_cast<std::uint64_t>(filling.records) + 1, 1);
}

TEST_P(TapeDriveContract, OverwritingMakesRoomOnAFullMedium) {
  start_with_capacity(1 * MiB);
  static_cast<void>(fill_until_hard_end());
  filemark();
  drive().rewind();
  const WriteResult result = drive().write_record(record(7));
  EXPECT_TRUE(result.written);
  EXPECT_FALSE(result.early_warning);
}

TEST_P(TapeDriveContract, WriteProtectedMediumIsReadAndNeverWritten) {
  write_tape({1, kFilemark});
  if (!reload_write_protected()) {
    GTEST_SKIP() << "such a medium cannot be write-protected";
  }
  ASSERT_TRUE(drive().medium().has_value());
  EXPECT_TRUE(drive().medium()->write_protected);
  EXPECT_EQ(error_of([&] { return drive().write_record(record(2)); }), ErrorCode::write_protected);
  EXPECT_EQ(error_of([&] { return drive().write_filemark(); }), ErrorCode::write_protected);
  expect_position(0, 0);
  expect_tape({1, kFilemark});
}

}  // namespace mixtape::test
