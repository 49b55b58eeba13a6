// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>

#include "tapeio/scsi/scsi_drive.h"
#include "tests/scsi/drive_fixture.h"

// What a drive would rather not do, and how it is met: records that are too large, tapes that may
// only be added to, wires that lose the reason.

namespace mixtape::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ScsiDriveRefusal : public ScsiDriveFixture {
 protected:
  static constexpr std::uint8_t kAllowOverwrite = 0x82, kRequestSense = 0x03;

  // So many commands of this operation code since the last time.
  std::ptrdiff_t count_of(std::uint8_t operation) {
    const std::vector<std::uint8_t> commands = device().take_commands();
    return std::count(commands.begin(), commands.end(), operation);
  }
};

TEST_F(ScsiDriveRefusal, LargestRecordIsWhatTheDriveTellsBeforeAnythingIsWritten) {
  use({.largest_block = 512 * KiB});
  put_in();
  EXPECT_EQ(open().medium()->most_record_bytes, 512 * KiB);
}

TEST_F(ScsiDriveRefusal, LargestRecordIsNeverMoreThanTheWireTakes) {
  use({.most_data = 256 * KiB});
  put_in();
  EXPECT_EQ(open().medium()->most_record_bytes, 256 * KiB);
}

TEST_F(ScsiDriveRefusal, DriveWithoutALimitTakesWhatARecordMayHave) {
  use({.largest_block = 0});
  put_in();
  EXPECT_EQ(open().medium()->most_record_bytes, tapeio::kMaxRecordSize);
}

TEST_F(ScsiDriveRefusal, LargestRecordIsAMultipleOfTheDrivesGranule) {
  use({.largest_block = 1000 * 1000, .granularity = 9});
  put_in();
  EXPECT_EQ(open().medium()->most_record_bytes, 1000 * 1000 / 512 * 512);
}

TEST_F(ScsiDriveRefusal, RecordThatIsTooLargeIsRefusedWithTheSizeThatIsNot) {
  use({.largest_block = 64 * KiB});
  put_in();
  open();
  EXPECT_THAT(message_of([&] { return drive().write_record(pattern(128 * KiB)); }),
              AllOf(HasSubstr("65536"), HasSubstr("131072")));
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(128 * KiB)); }),
            ErrorCode::unsupported);
  EXPECT_TRUE(drive().write_record(pattern(64 * KiB)).written);
  EXPECT_EQ(drive().position().block, 1u);
}

TEST_F(ScsiDriveRefusal, LimitThatTheDriveDoesNotKeepToRefusesNothing) {
  use({.largest_block = 0, .granularity = 9});
  put_in();
  open();
  EXPECT_TRUE(drive().write_record(pattern(1000)).written);
}

TEST_F(ScsiDriveRefusal, DriveThatTellsNoLimitsIsNoted) {
  use({.lacking = {0x05}});
  put_in();
  EXPECT_EQ(open().medium()->most_record_bytes, tapeio::kMaxRecordSize);
  EXPECT_THAT(note_of("READ BLOCK LIMITS"), Not(IsEmpty()));
}

TEST_F(ScsiDriveRefusal, OverwritingIsAllowedWhereTheDriveAsksForIt) {
  use({.append_only = true});
  put_in();
  open();
  for (int seed = 0; seed < 3; ++seed) {
    write(seed);
  }
  EXPECT_EQ(count_of(kAllowOverwrite), 0) << "nothing was overwritten yet";
  EXPECT_THAT(note_of("append-only"), IsEmpty());
  drive().locate(1);
  write(7);
  EXPECT_EQ(count_of(kAllowOverwrite), 1);
  EXPECT_THAT(note_of("append-only"), Not(IsEmpty()));
  filemark();
  drive().rewind();
  expect_record(0);
  expect_record(7);
}

TEST_F(ScsiDriveRefusal, FilemarkOverOlderDataIsAllowedToo) {
  use({.append_only = true});
  const auto cartridge = put_in();
  open();
  write(0);
  write(1);
  drive().locate(1);
  filemark();
  EXPECT_EQ(drive().position(), (tapeio::Position{.block = 2, .file = 1}));
  EXPECT_EQ(cartridge->objects.size(), 2u);
}

TEST_F(ScsiDriveRefusal, TapeThatStaysAsItIsIsWriteProtectedAndKeepsItsData) {
  for (const std::uint8_t lacking : {std::uint8_t{0}, kAllowOverwrite}) {
    SCOPED_TRACE(static_cast<int>(lacking));
    // WORM, or a drive that has no word for allowing it.
    const bool is_worm = lacking == 0;
    use({.lacking = is_worm ? std::set<std::uint8_t>{} : std::set<std::uint8_t>{lacking},
         .append_only = true});
    const auto cartridge = put_in({.kind = is_worm ? EmulatedCartridgeOptions::Kind::worm
                                                   : EmulatedCartridgeOptions::Kind::data});
    open();
    write(0);
    write(1);
    drive().locate(1);
    EXPECT_EQ(error_of([&] { return drive().write_record(pattern(kRecordSize, 9)); }),
              ErrorCode::write_protected);
    EXPECT_THAT(message_of([&] { return drive().write_record(pattern(kRecordSize, 9)); }),
                HasSubstr("only be added to"));
    EXPECT_EQ(drive().position().block, 1u);
    expect_record(1);
    EXPECT_EQ(cartridge->objects.size(), 2u);
  }
}

TEST_F(ScsiDriveRefusal, ReasonThatTheWireLostIsAskedFor) {
  use({.loses_sense = true});
  put_in();
  open();  // Already here a unit attention has to be understood.
  write(0);
  filemark();
  drive().rewind();
  static_cast<void>(count_of(kRequestSense));
  expect_record(0);
  EXPECT_EQ(count_of(kRequestSense), 0) << "nothing went wrong";
  Bytes buffer(kRecordSize);
  EXPECT_EQ(drive().read_record(buffer).kind, tapeio::ReadResult::Kind::filemark);
  EXPECT_EQ(count_of(kRequestSense), 1);
  EXPECT_EQ(drive().read_record(buffer).kind, tapeio::ReadResult::Kind::end_of_data);
}

TEST_F(ScsiDriveRefusal, RefusalWithoutAReasonAnywhereIsNeverTakenForSuccess) {
  put_in();
  open();
  device().plan({.kind = EmulatedFault::Kind::sense, .operation = 0x0a, .sense = {}});
  EXPECT_THAT(message_of([&] { return drive().write_record(pattern(kRecordSize)); }),
              HasSubstr("gave no reason"));
  EXPECT_EQ(drive().position().block, 0u);
}

TEST_F(ScsiDriveRefusal, CompressionIsOffAndThatIsSaid) {
  put_in();
  open();
  EXPECT_FALSE(device().compresses());
  EXPECT_THAT(note_of("compression is off"), Not(IsEmpty()));
}

}  // namespace
}  // namespace mixtape::test
