// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "tests/contract/tape_drive_contract.h"

// What a drive does with a medium that is not being changed: reading, positioning, asking.

namespace mixtape::test {

using tapeio::ReadResult;

TEST_P(TapeDriveContract, HeadStandsAtTheBeginningAfterLoading) {
  write_tape({1, kFilemark});
  reload();
  expect_position(0, 0);
}

TEST_P(TapeDriveContract, EmptyMediumHasItsEndOfDataAtTheBeginning) {
  expect_end_of_data();
  drive().seek_end_of_data();
  expect_position(0, 0);
}

TEST_P(TapeDriveContract, RecordsAndFilemarksComeBackInOrder) {
  write_tape({1, 2, kFilemark, 3, kFilemark, kFilemark, 4, 5, 6, kFilemark});
  reload();
  expect_tape({1, 2, kFilemark, 3, kFilemark, kFilemark, 4, 5, 6, kFilemark});
}

TEST_P(TapeDriveContract, BlockAddressCountsRecordsAndFilemarksAlike) {
  write_tape({1, kFilemark, kFilemark, 2, kFilemark});
  drive().rewind();
  expect_position(0, 0);
  expect_record(1);
  expect_position(1, 0);
  expect_filemark();
  expect_position(2, 1);
  expect_filemark();
  expect_position(3, 2);
  expect_record(2);
  expect_position(4, 2);
  expect_filemark();
  expect_position(5, 3);
}

TEST_P(TapeDriveContract, ReadingAtTheEndOfDataDoesNotMoveTheHead) {
  write_tape({1, kFilemark});
  expect_end_of_data();
  expect_end_of_data();
  expect_position(2, 1);
}

TEST_P(TapeDriveContract, ShortRecordComesBackWithItsOwnSize) {
  write(1);
  ASSERT_TRUE(drive().write_record(record(2, 1)).written);
  filemark();
  reload();
  expect_record(1);
  expect_record(2, 1);
  expect_filemark();
}

TEST_P(TapeDriveContract, RecordsOfAnySizeComeBackWithTheirOwn) {
  if (!GetParam().has_variable_records) {
    GTEST_SKIP() << "all records of such a medium have one size";
  }
  for (const std::size_t size : {std::size_t{1}, std::size_t{511}, std::size_t{3}}) {
    ASSERT_TRUE(drive().write_record(record(1, size)).written);
  }
  drive().rewind();
  expect_record(1, 1);
  expect_record(1, 511);
  expect_record(1, 3);
}

TEST_P(TapeDriveContract, LargestRecordComesBack) {
  const Bytes largest = record(1, tapeio::kMaxRecordSize);
  ASSERT_TRUE(drive().write_record(largest).written);
  filemark();
  drive().rewind();
  Bytes buffer(tapeio::kMaxRecordSize);
  EXPECT_EQ(drive().read_record(buffer).size, largest.size());
  EXPECT_EQ(buffer, largest);
}

TEST_P(TapeDriveContract, RecordLargerThanTheBufferIsPassedWithAnError) {
  write_tape({1, 2, kFilemark});
  drive().rewind();
  Bytes small(kRecordSize - 1);
  EXPECT_EQ(error_of([&] { return drive().read_record(small); }), ErrorCode::invalid);
  expect_position(1, 0);
  expect_record(2);
}

TEST_P(TapeDriveContract, BytesBehindTheRecordStayAsTheyWere) {
  write_tape({1, kFilemark});
  drive().rewind();
  Bytes buffer(kRecordSize + 1, std::byte{0x5a});
  EXPECT_EQ(drive().read_record(buffer).size, kRecordSize);
  EXPECT_EQ(buffer.back(), std::byte{0x5a});
}

TEST_P(TapeDriveContract, RewindGoesToBlockZero) {
  write_tape({1, kFilemark, 2, kFilemark});
  drive().rewind();
  expect_position(0, 0);
  expect_record(1);
}

TEST_P(TapeDriveContract, LocateStandsBeforeEveryObject) {
  write_tape({1, 2, kFilemark, kFilemark, 3, kFilemark});
  reload();
  const std::uint64_t files[] = {0, 0, 0, 1, 2, 2, 3};
  for (const std::uint64_t block : {6u, 0u, 5u, 1u, 4u, 2u, 3u}) {
    drive().locate(block);
    expect_position(block, files[block]);
  }
  drive().locate(4);
  expect_record(3);
  drive().locate(1);
  expect_record(2);
  expect_filemark();
}

TEST_P(TapeDriveContract, LocateBeyondTheEndOfDataFailsAndStandsThere) {
  write_tape({1, kFilemark});
  drive().rewind();
  EXPECT_EQ(error_of([&] { drive().locate(3); }), ErrorCode::invalid);
  expect_position(2, 1);
  expect_end_of_data();
}

TEST_P(TapeDriveContract, SpacingForwardStandsAfterTheLastFilemark) {
  write_tape({1, kFilemark, 2, kFilemark, 3, kFilemark});
  drive().rewind();
  EXPECT_EQ(drive().space_filemarks(1), 1u);
  expect_position(2, 1);
  EXPECT_EQ(drive().space_filemarks(2), 2u);
  expect_position(6, 3);
}

TEST_P(TapeDriveContract, SpacingForwardFromWithinATapeFilePassesItsOwnFilemarkFirst) {
  write_tape({1, 2, kFilemark, 3, kFilemark});
  drive().locate(1);
  EXPECT_EQ(drive().space_filemarks(1), 1u);
  expect_position(3, 1);
  expect_record(3);
}

TEST_P(TapeDriveContract, SpacingForwardStopsAtTheEndOfData) {
  write_tape({1, kFilemark, 2});
  drive().rewind();
  EXPECT_EQ(drive().space_filemarks(2), 1u);
  expect_position(3, 1);
  expect_end_of_data();
}

TEST_P(TapeDriveContract, SpacingBackwardStandsBeforeTheLastFilemarkPassed) {
  write_tape({1, kFilemark, 2, kFilemark, 3, kFilemark});
  EXPECT_EQ(drive().space_filemarks(-1), 1u);
  expect_position(5, 2);
  EXPECT_EQ(drive().space_filemarks(-2), 2u);
  expect_position(1, 0);
  expect_filemark();
}

TEST_P(TapeDriveContract, SpacingBackwardStopsAtTheBeginning) {
  write_tape({1, kFilemark, 2, kFilemark});
  EXPECT_EQ(drive().space_filemarks(-3), 2u);
  expect_position(0, 0);
}

TEST_P(TapeDriveContract, SpacingBackwardWithinTheFirstTapeFileGoesToTheBeginning) {
  write_tape({1, 2, kFilemark});
  drive().locate(2);
  EXPECT_EQ(drive().space_filemarks(-1), 0u);
  expect_position(0, 0);
}

TEST_P(TapeDriveContract, SpacingOverNoFilemarkStaysWhereItIs) {
  write_tape({1, 2, kFilemark});
  drive().locate(1);
  EXPECT_EQ(drive().space_filemarks(0), 0u);
  expect_position(1, 0);
}

TEST_P(TapeDriveContract, SpacingTakesTheLargestCounts) {
  write_tape({1, kFilemark, 2, kFilemark});
  EXPECT_EQ(drive().space_filemarks(std::numeric_limits<std::int64_t>::min()), 2u);
  expect_position(0, 0);
  EXPECT_EQ(drive().space_filemarks(std::numeric_limits<std::int64_t>::max()), 2u);
  expect_position(4, 2);
}

TEST_P(TapeDriveContract, EndOfDataIsBehindTheLastObject) {
  write_tape({1, kFilemark, 2, kFilemark});
  drive().rewind();
  drive().seek_end_of_data();
  expect_position(4, 2);
}

TEST_P(TapeDriveContract, AskingDoesNotMoveTheHead) {
  write_tape({1, 2, kFilemark});
  drive().locate(1);
  EXPECT_TRUE(drive().medium().has_value());
  drive().name_next_file("index.sqlite.age");
  expect_position(1, 0);
  expect_record(2);
}

TEST_P(TapeDriveContract, EmptyDriveHasNoMediumAndSaysSo) {
  if (!use_empty_drive()) {
    GTEST_SKIP() << "there is no such drive without a medium";
  }
  Bytes buffer(kRecordSize);
  EXPECT_FALSE(drive().medium().has_value());
  EXPECT_EQ(error_of([&] { return drive().read_record(buffer); }), ErrorCode::no_medium);
  EXPECT_EQ(error_of([&] { return drive().write_record(buffer); }), ErrorCode::no_medium);
  EXPECT_EQ(error_of([&] { return drive().write_filemark(); }), ErrorCode::no_medium);
  EXPECT_EQ(error_of([&] { drive().rewind(); }), ErrorCode::no_medium);
  EXPECT_EQ(error_of([&] { drive().locate(0); }), ErrorCode::no_medium);
  EXPECT_EQ(error_of([&] { drive().seek_end_of_data(); }), ErrorCode::no_medium);
}

}  // namespace mixtape::test
