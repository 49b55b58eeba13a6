// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/scsi_drive.h"

#include <gmock/gmock.h>

#include "tests/scsi/drive_fixture.h"

// What a SCSI drive does beyond the contract: how it is opened and given back, what it makes of
// resets, exchanged cartridges, lost connections and worn tapes.

namespace mixtape::test {
namespace {

using namespace tapeio;  // NOLINT: the whole file is about it.
using testing::HasSubstr;
using Fault = EmulatedFault::Kind;

class ScsiDriveOpening : public ScsiDriveFixture {};
class ScsiDriveTrouble : public ScsiDriveFixture {};
class ScsiDriveEnd : public ScsiDriveFixture {};

TEST_F(ScsiDriveOpening, WritesVariableRecordsBufferedAndWithoutCompression) {
  put_in();
  open();
  EXPECT_FALSE(device().compresses());
  EXPECT_TRUE(device().is_buffered());
  write(1);
  ASSERT_TRUE(drive().write_record(pattern(7)).written);
}

TEST_F(ScsiDriveOpening, ReservesAndLocksAndGivesBothBack) {
  put_in();
  open();
  EXPECT_TRUE(device().is_reserved());
  EXPECT_TRUE(device().is_door_locked());
  EXPECT_EQ(device().remove(), nullptr);
  close();
  EXPECT_FALSE(device().is_reserved());
  EXPECT_FALSE(device().is_door_locked());
}

TEST_F(ScsiDriveOpening, TakesTheOlderReservationWhereThereIsNoOther) {
  use({.lacking = {0x5f}});
  put_in();
  open();
  EXPECT_TRUE(device().is_reserved());
  close();
  EXPECT_FALSE(device().is_reserved());
}

TEST_F(ScsiDriveOpening, DriveOfAnotherHostIsLocked) {
  put_in();
  open();
  EXPECT_EQ(error_of([&] {
              return std::make_unique<scsi::ScsiDrive>(device().connect(),
                                                       scsi::ScsiDriveOptions{});
            }),
            ErrorCode::locked);
  write(1);
}

TEST_F(ScsiDriveOpening, FirstLoadOfLto9IsProgressAndNoError) {
  use({.product = "ULT3580-TD9", .generation = 9});
  put_in({.generation = 9, .initialisation_polls = 3});
  std::vector<scsi::DriveWait> waits;
  open({.on_wait = [&](const scsi::DriveWait& wait) { waits.push_back(wait); }});
  ASSERT_EQ(waits.size(), 3u);
  EXPECT_THAT(waits[0].message, HasSubstr("operation in progress"));
  ASSERT_TRUE(waits[0].progress.has_value());
  EXPECT_LT(*waits[0].progress, *waits[2].progress);
  write(1);
}

TEST_F(ScsiDriveOpening, CartridgeThatWaitsForLoadIsLoaded) {
  use({.waits_for_load = true});
  put_in();
  open();
  write(1);
}

TEST_F(ScsiDriveOpening, CartridgePutInLaterIsTakenIntoUse) {
  open();
  EXPECT_FALSE(drive().medium().has_value());
  put_in();
  EXPECT_TRUE(drive().wait_until_ready());
  EXPECT_TRUE(drive().medium().has_value());
  write(1);
}

TEST_F(ScsiDriveOpening, CleaningCartridgeAndWrongGenerationSayWhatToDo) {
  put_in({.kind = EmulatedCartridgeOptions::Kind::cleaning});
  EXPECT_EQ(error_of([&] { return &open(); }), ErrorCode::wrong_medium);
  EXPECT_THAT(message_of([&] { return &open(); }), HasSubstr("cleaning cartridge"));
  static_cast<void>(device().remove());
  put_in({.generation = 5});
  EXPECT_EQ(error_of([&] { return &open(); }), ErrorCode::wrong_medium);
  EXPECT_FALSE(device().is_reserved());
}

TEST_F(ScsiDriveOpening, OldGenerationIsReadAndNotWritten) {
  use({.product = "ULT3580-TD7", .generation = 7});
  put_in({.generation = 5});
  open();
  EXPECT_EQ(error_of([&] { return drive().write_filemark(); }), ErrorCode::write_protected);
  Bytes buffer(10);
  EXPECT_EQ(drive().read_record(buffer).kind, ReadResult::Kind::end_of_data);
}

TEST_F(ScsiDriveOpening, DriveForReadingNeverWrites) {
  put_in();
  open({.writable = false});
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(1)); }), ErrorCode::write_protected);
}

TEST_F(ScsiDriveOpening, UnloadedCartridgeStaysOutUntilAskedFor) {
  put_in();
  open();
  write(1);
  filemark();
  drive().unload();
  EXPECT_TRUE(device().is_unloaded());
  EXPECT_FALSE(device().is_door_locked());
  EXPECT_FALSE(drive().medium().has_value());
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(1)); }), ErrorCode::no_medium);
  EXPECT_NE(device().remove(), nullptr);
}

TEST_F(ScsiDriveOpening, LabelIsTheChipsBarcodeUnlessTheLibraryKnows) {
  put_in();
  open({.label = ""});
  MediumStory story;
  story.barcode = "MX0007L8";
  drive().features().memory->write_story(story);
  EXPECT_EQ(drive().medium()->label, "MX0007L8");
  open({.label = "OTHER"});
  EXPECT_EQ(drive().medium()->label, "OTHER");
}

TEST_F(ScsiDriveOpening, WhatIsLackingIsNoted) {
  put_in();
  open();
  EXPECT_THAT(drive().features().identity->notes,
              testing::ElementsAre("compression is off, and the speed is the drive's own choice"));
  use({.like_tgt = true});
  put_in();
  open();
  EXPECT_NE(note_of("no LOCATE"), "");
  EXPECT_NE(note_of("no READ POSITION"), "");
  EXPECT_NE(note_of("no reservation"), "");
  const auto identity = drive().features().identity;
  EXPECT_EQ(identity->vendor, "IBM");
  EXPECT_EQ(identity->serial, "YX10000001");
}

TEST_F(ScsiDriveOpening, RecordsThatAreSentCutAreReadWhole) {
  use({.like_tgt = true});
  put_in();
  open();
  for (int seed = 0; seed < 3; ++seed) {
    write(seed);
  }
  drive().rewind();
  for (int seed = 0; seed < 3; ++seed) {
    Bytes buffer(kRecordSize + 1000);
    ASSERT_EQ(drive().read_record(buffer).size, kRecordSize);
    buffer.resize(kRecordSize);
    EXPECT_EQ(buffer, pattern(kRecordSize, static_cast<unsigned>(seed)));
  }
  EXPECT_NE(note_of("twice as much"), "");
}

TEST_F(ScsiDriveTrouble, BusyIsWaitedOut) {
  put_in();
  open();
  device().plan({.kind = Fault::busy});
  device().plan({.kind = Fault::busy, .command = 1});
  write(1);
}

TEST_F(ScsiDriveTrouble, ReservationConflictIsLocked) {
  put_in();
  open();
  device().plan({.kind = Fault::reservation_conflict});
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(1)); }), ErrorCode::locked);
}

TEST_F(ScsiDriveTrouble, AfterAResetNothingIsOverwritten) {
  const auto cartridge = put_in();
  open();
  write(1);
  write(2);
  filemark();
  device().plan({.kind = Fault::reset});
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(9)); }), ErrorCode::io);
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(9)); }), ErrorCode::io);
  EXPECT_EQ(error_of([&] { return drive().write_filemark(); }), ErrorCode::io);
  EXPECT_EQ(cartridge->objects.size(), 3u);
  drive().seek_end_of_data();
  EXPECT_EQ(drive().position(), (Position{.block = 3, .file = 1}));
  write(3);
}

TEST_F(ScsiDriveTrouble, ResetThatMovedNothingIsPassedOver) {
  put_in();
  open();
  device().plan({.kind = Fault::reset});
  write(1);
  EXPECT_FALSE(device().compresses());
  drive().rewind();
  device().plan({.kind = Fault::reset});
  expect_record(1);
}

TEST_F(ScsiDriveTrouble, ExchangedCartridgeIsNeverWrittenByMistake) {
  put_in();
  open({.label = "MX0001L8", .lock_door = false});
  write(1);
  filemark();
  static_cast<void>(device().remove());
  const auto other = put_in({.barcode = "OTHERSL8"});
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(9)); }), ErrorCode::no_medium);
  EXPECT_TRUE(drive().medium().has_value());
  EXPECT_EQ(error_of([&] { return drive().write_filemark(); }), ErrorCode::no_medium);
  EXPECT_TRUE(other->objects.empty());
  drive().rewind();
  write(5);
  EXPECT_EQ(other->objects.size(), 1u);
}

TEST_F(ScsiDriveTrouble, AnotherCartridgeIsAnotherInsertion) {
  put_in();
  open({.lock_door = false});
  const std::uint64_t before = drive().medium()->insertion;
  EXPECT_EQ(drive().medium()->insertion, before);
  static_cast<void>(device().remove());
  put_in();
  EXPECT_NE(drive().medium()->insertion, before);
  drive().rewind();
  const std::uint64_t after = drive().medium()->insertion;
  EXPECT_EQ(drive().medium()->insertion, after);
}

TEST_F(ScsiDriveTrouble, PulledCartridgeIsNoMedium) {
  put_in();
  open();
  write(1);
  static_cast<void>(device().remove(true));
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(9)); }), ErrorCode::no_medium);
  EXPECT_FALSE(drive().medium().has_value());
  EXPECT_EQ(error_of([&] {
              drive().rewind();
              return 0;
            }),
            ErrorCode::no_medium);
}

TEST_F(ScsiDriveTrouble, LostConnectionKeepsItsSentence) {
  put_in();
  open();
  device().plan({.kind = Fault::connection_lost});
  EXPECT_THAT(message_of([&] { return drive().write_record(pattern(1)); }),
              HasSubstr("the connection is lost"));
}

TEST_F(ScsiDriveTrouble, ConnectionLostAtEveryCommandOfASessionIsAnErrorAndNothingWorse) {
  for (std::uint64_t command = 0; command < 40; ++command) {
    use({});
    put_in();
    device().plan({.kind = Fault::connection_lost, .command = command});
    const auto session = [&] {
      open();
      static_cast<void>(drive().write_record(pattern(100)));
      static_cast<void>(drive().write_filemark());
      drive().rewind();
      Bytes buffer(100);
      static_cast<void>(drive().read_record(buffer));
      static_cast<void>(drive().medium());
      return 0;
    };
    const auto code = error_of(session);
    EXPECT_TRUE(!code || *code == ErrorCode::io) << "at command " << command;
    close();
  }
}

TEST_F(ScsiDriveTrouble, BadRecordIsPassedWhereverTheDriveStops) {
  for (const bool stops_before : {false, true}) {
    use({.stops_before_bad_blocks = stops_before});
    const auto cartridge = put_in();
    open();
    for (int seed = 0; seed < 3; ++seed) {
      write(seed);
    }
    drive().rewind();
    cartridge->options.bad_blocks = {1};
    expect_record(0);
    Bytes buffer(kRecordSize);
    EXPECT_EQ(error_of([&] { return drive().read_record(buffer); }), ErrorCode::bad_medium);
    EXPECT_EQ(drive().position().block, 2u);
    expect_record(2);
    EXPECT_EQ(drive().features().alerts->raised().at(0).name, "Read failure");
  }
}

TEST_F(ScsiDriveTrouble, FailedWriteLeavesTheHeadWhereItWas) {
  const auto cartridge = put_in();
  cartridge->options.bad_writes = {1};
  open();
  write(0);
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(1)); }), ErrorCode::bad_medium);
  EXPECT_EQ(drive().position().block, 1u);
  EXPECT_EQ(cartridge->objects.size(), 1u);
}

TEST_F(ScsiDriveTrouble, DeferredErrorIsAboutWhatWasWrittenBefore) {
  put_in();
  open();
  write(0);
  device().plan({.kind = Fault::sense,
                 .operation = std::uint8_t{0x0a},
                 .sense = fixed_sense(0x03, 0x0c, 0x00, 0x71)});
  EXPECT_THAT(message_of([&] { return drive().write_record(pattern(1)); }),
              HasSubstr("written before"));
}

TEST_F(ScsiDriveTrouble, SenseThatMakesNoSenseIsAnError) {
  put_in();
  open();
  device().plan({.kind = Fault::sense, .sense = {}});
  EXPECT_EQ(error_of([&] { return drive().write_record(pattern(1)); }), ErrorCode::io);
}

// Early warning from every record of a small cartridge on: what was asked for is written, the tape
// can be closed, and all of it is read back.
TEST_F(ScsiDriveEnd, EarlyWarningAtEveryRecordOfASmallCartridge) {
  constexpr std::uint64_t kRecords = 24;
  for (const bool like_tgt : {false, true}) {
    for (std::uint64_t zone = 1; zone < kRecords; ++zone) {
      use({.like_tgt = like_tgt});
      put_in({.capacity_bytes = kRecords * kRecordSize, .early_warning_bytes = zone * kRecordSize});
      open();
      std::uint64_t written = 0;
      WriteResult result{};
      do {
        result = drive().write_record(pattern(kRecordSize, written++));
        ASSERT_TRUE(result.written);
      } while (!result.early_warning);
      EXPECT_EQ(written, kRecords - zone);
      EXPECT_TRUE(drive().write_filemark().early_warning);
      filemark();
      drive().rewind();
      for (std::uint64_t seed = 0; seed < written; ++seed) {
        expect_record(static_cast<int>(seed));
      }
    }
  }
}

TEST_F(ScsiDriveEnd, RecordRefusedWithVolumeOverflowIsAskedAfter) {
  const auto cartridge = put_in();
  open();
  // As some targets do: the error is told although the record is on the tape.
  device().plan({.kind = Fault::after_effect,
                 .operation = std::uint8_t{0x0a},
                 .sense = fixed_sense(0x4d, 0x00, 0x02)});
  const WriteResult there = drive().write_record(pattern(10));
  EXPECT_TRUE(there.written);
  EXPECT_TRUE(there.early_warning);
  device().plan({.kind = Fault::sense,
                 .operation = std::uint8_t{0x0a},
                 .sense = fixed_sense(0x4d, 0x00, 0x02)});
  const WriteResult missing = drive().write_record(pattern(10));
  EXPECT_FALSE(missing.written);
  EXPECT_EQ(drive().position().block, 1u);
  EXPECT_EQ(cartridge->objects.size(), 1u);
}

TEST_F(ScsiDriveEnd, ProgrammedWarningComesOnceFromTheDriveAndStaysHere) {
  put_in({.capacity_bytes = 4'000'000, .early_warning_bytes = 100'000});
  open();
  ASSERT_TRUE(drive().features().space->warn_earlier(2'000'000));
  std::uint64_t bytes = 0;
  WriteResult result{};
  do {
    result = drive().write_record(pattern(100'000));
    bytes += 100'000;
  } while (!result.early_warning);
  EXPECT_EQ(bytes, 2'000'000u);
  EXPECT_TRUE(drive().write_record(pattern(100'000)).early_warning);
  EXPECT_TRUE(drive().write_filemark().early_warning);
  drive().rewind();
  EXPECT_FALSE(drive().write_record(pattern(100'000)).early_warning);
}

TEST_F(ScsiDriveEnd, ProgrammedWarningSurvivesAResetAndIsGivenBack) {
  put_in({.capacity_bytes = 4'000'000, .early_warning_bytes = 100'000});
  open();
  ASSERT_TRUE(drive().features().space->warn_earlier(2'000'000));
  EXPECT_EQ(device().warning_megabytes(), 2);
  device().plan({.kind = Fault::reset});
  ASSERT_TRUE(drive().write_record(pattern(10)).written) << "the head is where it was";
  EXPECT_EQ(device().warning_megabytes(), 2);
  close();
  EXPECT_EQ(device().warning_megabytes(), 0);
}

TEST_F(ScsiDriveEnd, DriveWithoutProgrammableWarningSaysSo) {
  use({.has_programmable_early_warning = false});
  put_in();
  open();
  EXPECT_FALSE(drive().features().space->warn_earlier(1'000'000));
}

}  // namespace
}  // namespace mixtape::test
