// SPDX-License-Identifier: Apache-2.0
#include "tapeio/memory_drive.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stop_token>
#include <thread>

#include "tapeio/memory_library.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

namespace mixtape::tapeio {
namespace {

using test::error_of;
using test::pattern;

ReadResult read_one(TapeDrive& drive) {
  Bytes buffer(1 * KiB);
  return drive.read_record(buffer);
}

void write_one(TapeDrive& drive, std::size_t size = 100) {
  ASSERT_TRUE(drive.write_record(pattern(size)).written);
}

TEST(MemoryMedium, GoesFromOneDriveToAnother) {
  MemoryMedium medium;
  MemoryDrive first(medium);
  write_one(first);
  ASSERT_TRUE(first.write_filemark().written);
  first.eject();
  EXPECT_FALSE(first.medium().has_value());
  MemoryDrive second;
  second.insert(medium);
  EXPECT_EQ(read_one(second).kind, ReadResult::Kind::record);
  EXPECT_EQ(read_one(second).kind, ReadResult::Kind::filemark);
}

TEST(MemoryMedium, PowerCutLosesWhatStandsBehindTheLastFilemark) {
  MemoryMedium medium;
  MemoryDrive drive(medium);
  write_one(drive);
  ASSERT_TRUE(drive.write_filemark().written);
  write_one(drive);
  write_one(drive);
  medium.cut_power();
  EXPECT_EQ(medium.object_count(), 2u);
}

TEST(MemoryMedium, PowerCutBeforeAnyFilemarkLosesAll) {
  MemoryMedium medium;
  MemoryDrive drive(medium);
  write_one(drive);
  medium.cut_power();
  EXPECT_EQ(medium.object_count(), 0u);
}

TEST(MemoryMedium, CorruptedRecordDiffersInOneByte) {
  MemoryMedium medium;
  MemoryDrive drive(medium);
  write_one(drive);
  medium.corrupt_record(0, 99);
  drive.rewind();
  Bytes buffer(100);
  ASSERT_EQ(drive.read_record(buffer).size, 100u);
  buffer[99] ^= std::byte{0xff};
  EXPECT_EQ(buffer, pattern(100));
}

TEST(MemoryMedium, WithoutBytesRecordsKeepTheirSizesAndReadAsZeros) {
  MemoryMedium medium({.label = "NULL01",
                       .space = MediumSpace::with_default_warning(TiB),
                       .write_protected = false,
                       .keep_bytes = false});
  MemoryDrive drive(medium);
  write_one(drive, 77);
  drive.rewind();
  Bytes buffer(100, std::byte{0x5a});
  EXPECT_EQ(drive.read_record(buffer).size, 77u);
  EXPECT_EQ(buffer[76], std::byte{0});
  EXPECT_EQ(buffer[77], std::byte{0x5a});
}

TEST(MediumSpace, HoldsRecordsUpToTheLastByte) {
  const MediumSpace space{.capacity_bytes = 1000, .early_warning_bytes = 100};
  EXPECT_TRUE(space.holds_record(0, 1000));
  EXPECT_FALSE(space.holds_record(0, 1001));
  EXPECT_TRUE(space.holds_record(999, 1));
  EXPECT_FALSE(space.holds_record(1000, 1));
  EXPECT_FALSE(space.holds_record(5000, 1));
}

TEST(MediumSpace, WarnsFromTheBeginningOfItsZone) {
  const MediumSpace space{.capacity_bytes = 1000, .early_warning_bytes = 100};
  EXPECT_FALSE(space.warns(899));
  EXPECT_TRUE(space.warns(900));
  EXPECT_TRUE(space.warns(901));
}

TEST(MediumSpace, KeepsRoomForSomeFilemarksBehindTheEnd) {
  const MediumSpace space{.capacity_bytes = 1000, .early_warning_bytes = 100, .filemark_bytes = 10};
  const std::uint64_t last = 1000 + (MediumSpace::kFilemarksBehindEnd - 1) * 10;
  EXPECT_TRUE(space.holds_filemark(1000));
  EXPECT_TRUE(space.holds_filemark(last));
  EXPECT_FALSE(space.holds_filemark(last + 1));
}

TEST(MediumSpace, DefaultZoneIsATwentiethAndAtMostOneGiB) {
  EXPECT_EQ(MediumSpace::with_default_warning(20 * MiB).early_warning_bytes, 1 * MiB);
  EXPECT_EQ(MediumSpace::with_default_warning(20 * GiB).early_warning_bytes, 1 * GiB);
  EXPECT_EQ(MediumSpace::with_default_warning(18 * TiB).early_warning_bytes, 1 * GiB);
}

TEST(MemoryLibrary, OneTraceSeesWhatAllLoadsDo) {
  MemoryLibrary library;
  library.add_medium("A1", GiB);
  {
    const auto drive = library.load("A1", Library::Access::write);
    write_one(*drive);
    ASSERT_TRUE(drive->write_filemark().written);
  }
  EXPECT_EQ(read_one(*library.load("A1", Library::Access::read)).kind, ReadResult::Kind::record);
  EXPECT_EQ(library.trace().count(TracedOperation::Kind::load), 2u);
  EXPECT_EQ(library.trace().seeks(), 0u);
  EXPECT_EQ(library.trace().bytes_read(), 100u);
}

TEST(MemoryLibrary, MediumIsInOneDriveAtATimeAndGoesBack) {
  MemoryLibrary library({.drive_count = 2});
  library.add_medium("A1", GiB);
  {
    const auto drive = library.load("A1", Library::Access::read);
    EXPECT_TRUE(library.media().at(0).loaded);
    EXPECT_EQ(error_of([&] { return library.load("A1", Library::Access::read); }), ErrorCode::busy);
  }
  EXPECT_FALSE(library.media().at(0).loaded);
  EXPECT_NE(library.load("A1", Library::Access::read), nullptr);
}

TEST(MemoryLibrary, WhileEveryDriveIsInUseLoadingIsBusy) {
  MemoryLibrary library;
  library.add_medium("A1", GiB);
  library.add_medium("A2", GiB);
  const auto drive = library.load("A1", Library::Access::read);
  EXPECT_EQ(error_of([&] { return library.load("A2", Library::Access::read); }), ErrorCode::busy);
}

TEST(MemoryLibrary, WhoWaitsForADriveGetsItWhenItIsFree) {
  MemoryLibrary library;
  library.add_medium("A1", GiB);
  library.add_medium("A2", GiB);
  auto drive = library.load("A1", Library::Access::read);
  std::vector<std::string> told;
  std::atomic<bool> waits = false;
  std::jthread other([&] {
    while (!waits) {
      std::this_thread::yield();
    }
    drive.reset();
  });
  const LoadWatch watch{.tell = [&](const LoadWait& wait) {
    told.push_back(wait.what);
    waits = true;
  }};
  const auto got = load_when_ready({&library, "A2"}, Library::Access::read, watch, ForPeople::fail);
  EXPECT_EQ(got->medium()->label, "A2");
  EXPECT_GE(told.size(), 1u);
}

TEST(MemoryLibrary, WhoWaitsForADriveCanBeStopped) {
  MemoryLibrary library;
  library.add_medium("A1", GiB);
  const auto drive = library.load("A1", Library::Access::read);
  std::stop_source stop;
  EXPECT_EQ(
      error_of([&] {
        const LoadWatch watch{.stop = stop.get_token(),
                              .tell = [&](const LoadWait&) { stop.request_stop(); }};
        return load_when_ready({&library, "A1"}, Library::Access::read, watch, ForPeople::fail);
      }),
      ErrorCode::cancelled);
}

TEST(MemoryLibrary, MediumOnTheShelfIsNotFoundUntilItIsPutIn) {
  MemoryLibrary library;
  library.add_medium("A1", GiB);
  std::unique_ptr<MemoryMedium> shelf = library.take_out("A1");
  EXPECT_EQ(error_of([&] { return library.load("A1", Library::Access::read); }),
            ErrorCode::not_found);
  library.put_in(std::move(shelf));
  EXPECT_NE(library.load("A1", Library::Access::read), nullptr);
}

TEST(MemoryLibrary, DriveLoadedForReadingDoesNotWrite) {
  MemoryLibrary library;
  library.add_medium("A1", GiB);
  const auto drive = library.load("A1", Library::Access::read);
  EXPECT_EQ(error_of([&] { return drive->write_filemark(); }), ErrorCode::write_protected);
}

}  // namespace
}  // namespace mixtape::tapeio
