// SPDX-License-Identifier: Apache-2.0
#include "tapeio/dir_drive.h"
#include "tapeio/dir_description.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/tapeio/dir_fixture.h"

// What is particular to media that are directories; the contract of all drives is tested elsewhere.

namespace mixtape::tapeio {
namespace {

using test::error_of;
using test::read_text;
using test::write_text;

class DirDriveTest : public DirMediumTest {};

TEST_F(DirDriveTest, TapeFilesAreOrdinaryFilesWithTheirRecordsOneBehindTheOther) {
  write_file(*writer(), {1, 2, 3}, "archaeology.tar");
  const std::string content = read_text(path_of("0000.archaeology.tar"));
  ASSERT_EQ(content.size(), 3 * kRecord);
  EXPECT_EQ(as_bytes(content).subspan(kRecord, kRecord).size(), kRecord);
  EXPECT_EQ(content.substr(kRecord, kRecord), as_text(record(2)));
}

TEST_F(DirDriveTest, HintNamesTheNextFileOnlyAndUnnamedFilesAreData) {
  const auto drive = writer();
  write_file(*drive, {1}, "index.sqlite.age");
  ASSERT_TRUE(drive->write_record(record(2)).written);
  ASSERT_TRUE(drive->write_filemark().written);
  ASSERT_TRUE(drive->write_filemark().written);
  EXPECT_EQ(names(), (std::vector<std::string>{"0000.index.sqlite.age", "0001.data", "0002.empty",
                                               "mixtape-medium"}));
}

TEST_F(DirDriveTest, FileUnderWayHasAnotherNameUntilItsFilemark) {
  const auto drive = writer();
  drive->name_next_file("archive.tar.age");
  ASSERT_TRUE(drive->write_record(record(1)).written);
  EXPECT_EQ(names(), (std::vector<std::string>{"0000.archive.tar.age.part", "mixtape-medium"}));
  ASSERT_TRUE(drive->write_filemark().written);
  EXPECT_EQ(names(), (std::vector<std::string>{"0000.archive.tar.age", "mixtape-medium"}));
}

TEST_F(DirDriveTest, FirstRecordSetsTheRecordSizeOfTheMedium) {
  write_file(*writer(), {1});
  EXPECT_EQ(read_medium_description(path_).record_size, kRecord);
}

TEST_F(DirDriveTest, RecordSizeIsSetAnewFromBlockZeroOnly) {
  const auto drive = writer();
  write_file(*drive, {1});
  drive->rewind();
  const Bytes longer = test::pattern(2 * kRecord, 5);
  ASSERT_TRUE(drive->write_record(longer).written);
  ASSERT_TRUE(drive->write_filemark().written);
  EXPECT_EQ(read_medium_description(path_).record_size, 2 * kRecord);
  Bytes buffer(2 * kRecord);
  EXPECT_EQ(reader()->read_record(buffer).size, 2 * kRecord);
  EXPECT_EQ(buffer, longer);
}

TEST_F(DirDriveTest, OtherRecordSizesAreRefusedBeforeAnythingChanges) {
  const auto drive = writer();
  write_file(*drive, {1});
  write_file(*drive, {2});
  drive->locate(2);
  const Bytes longer(kRecord + 1);
  EXPECT_EQ(error_of([&] { return drive->write_record(longer); }), ErrorCode::unsupported);
  EXPECT_EQ(drive->position().block, 2u);
  EXPECT_EQ(contents(*drive), "b|");
}

TEST_F(DirDriveTest, OnlyTheLastRecordOfATapeFileMayBeShorter) {
  const auto drive = writer();
  write_file(*drive, {1});
  ASSERT_TRUE(drive->write_record(ByteView(record(2)).first(7)).written);
  EXPECT_EQ(error_of([&] { return drive->write_record(record(3)); }), ErrorCode::unsupported);
  ASSERT_TRUE(drive->write_filemark().written);
  EXPECT_EQ(std::filesystem::file_size(path_of("0001.data")), 7u);
  drive->locate(3);
  EXPECT_EQ(error_of([&] { return drive->write_record(record(3)); }), ErrorCode::unsupported);
  EXPECT_EQ(std::filesystem::file_size(path_of("0001.data")), 7u);
}

TEST_F(DirDriveTest, ReaderLoadedForReadingDoesNotWrite) {
  const auto drive = reader();
  EXPECT_EQ(error_of([&] { return drive->write_record(record(1)); }), ErrorCode::write_protected);
  EXPECT_EQ(error_of([&] { return drive->write_filemark(); }), ErrorCode::write_protected);
  EXPECT_EQ(names(), (std::vector<std::string>{"mixtape-medium"}));
}

TEST_F(DirDriveTest, SecondWriterIsAConflictAndReadersAreNot) {
  auto first = writer();
  EXPECT_EQ(error_of([&] { return writer(); }), ErrorCode::conflict);
  EXPECT_NE(reader(), nullptr);
  first.reset();
  EXPECT_NE(writer(), nullptr);
}

TEST_F(DirDriveTest, ReaderDoesNotSeeWhatHasNoFilemark) {
  const auto drive = writer();
  write_file(*drive, {1});
  ASSERT_TRUE(drive->write_record(record(2)).written);
  EXPECT_EQ(contents(), "a|");
}

TEST_F(DirDriveTest, ReaderAtTheEndOfDataSeesWhatIsAppendedMeanwhile) {
  const auto drive = writer();
  write_file(*drive, {1});
  const auto reading = reader();
  EXPECT_EQ(contents(*reading), "a|");
  write_file(*drive, {2, 3});
  EXPECT_EQ(contents(*reading), "bc|");
  write_file(*drive, {4});
  reading->locate(5);
  EXPECT_EQ(contents(*reading), "d|");
  write_file(*drive, {5});
  reading->rewind();
  EXPECT_EQ(reading->space_filemarks(9), 4u);
  write_file(*drive, {6});
  reading->seek_end_of_data();
  EXPECT_EQ(reading->position(), (Position{.block = 11, .file = 5}));
}

TEST_F(DirDriveTest, ReaderOfAnOverwrittenTapeFileReadsTheOldOneToItsEnd) {
  const auto drive = writer();
  write_file(*drive, {1});
  write_file(*drive, {2, 3});
  const auto reading = reader();
  reading->locate(2);
  Bytes buffer(kRecord);
  ASSERT_EQ(reading->read_record(buffer).kind, ReadResult::Kind::record);
  drive->locate(2);
  write_file(*drive, {4, 5, 6});
  ASSERT_EQ(reading->read_record(buffer).kind, ReadResult::Kind::record);
  EXPECT_EQ(buffer, record(3));
  EXPECT_EQ(reading->read_record(buffer).kind, ReadResult::Kind::filemark);
  EXPECT_EQ(error_of([&] { return reading->read_record(buffer); }), ErrorCode::io);
  EXPECT_EQ(reading->position(), (Position{.block = 2, .file = 1}));
  EXPECT_EQ(contents(*reading), "def|");
}

TEST_F(DirDriveTest, ReaderThatComesToAnOverwrittenTapeFileReadsTheNewOne) {
  const auto drive = writer();
  write_file(*drive, {1});
  write_file(*drive, {2});
  const auto reading = reader();
  Bytes buffer(kRecord);
  ASSERT_EQ(reading->read_record(buffer).kind, ReadResult::Kind::record);
  drive->locate(2);
  write_file(*drive, {3, 4});
  write_file(*drive, {5});
  EXPECT_EQ(contents(*reading), "|cd|e|");
}

TEST_F(DirDriveTest, LocateGoesByWhatIsThereNow) {
  const auto drive = writer();
  write_file(*drive, {1});
  write_file(*drive, {2, 3, 4});
  const auto reading = reader();
  drive->locate(2);
  write_file(*drive, {5});
  write_file(*drive, {6});
  reading->locate(4);
  EXPECT_EQ(contents(*reading), "f|");
}

TEST_F(DirDriveTest, WriteProtectionIsTheMissingPermissionAlsoForRoot) {
  write_file(*writer(), {1});
  std::filesystem::permissions(path_, std::filesystem::perms{0555});
  const auto drive = writer();
  EXPECT_TRUE(drive->medium()->write_protected);
  EXPECT_EQ(error_of([&] { return drive->write_filemark(); }), ErrorCode::write_protected);
  EXPECT_EQ(contents(*drive), "a|");
  std::filesystem::permissions(path_, std::filesystem::perms{0755});
}

TEST_F(DirDriveTest, EmptyTapeFilesKeepTheirAddresses) {
  const auto drive = writer();
  ASSERT_TRUE(drive->write_filemark().written);
  ASSERT_TRUE(drive->write_filemark().written);
  write_file(*drive, {1});
  EXPECT_EQ(contents(), "||a|");
}

TEST_F(DirDriveTest, VanishedMediumIsNoMedium) {
  write_file(*writer(), {1});
  const auto drive = reader();
  std::filesystem::remove_all(path_);
  EXPECT_FALSE(drive->medium().has_value());
  EXPECT_EQ(error_of([&] { return drive->rewind(), 0; }), ErrorCode::no_medium);
  Bytes buffer(kRecord);
  EXPECT_EQ(error_of([&] { return drive->read_record(buffer); }), ErrorCode::no_medium);
}

// A file system of one megabyte, for a disk that is smaller than its medium claims.
class SmallDisk : public DirMediumTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(path_);
    if (::mount("mixtape-test", path_.c_str(), "tmpfs", 0, "size=1m") != 0) {
      GTEST_SKIP() << "mounting a small file system: " << std::strerror(errno);
    }
    mounted_ = true;
    write_medium_description(path_, {.capacity_bytes = 8 * MiB, .record_size = 0});
  }
  void TearDown() override {
    if (mounted_) {
      ::umount2(path_.c_str(), MNT_DETACH);
    }
  }
  bool mounted_ = false;
};

TEST_F(SmallDisk, FullDiskIsNoSpaceAndKeepsWhatHasAFilemark) {
  const auto drive = writer();
  write_file(*drive, {1, 2});
  std::optional<ErrorCode> code;
  std::uint64_t written = 0;
  while (!code.has_value()) {
    code = error_of([&] { return drive->write_record(record(3)); });
    written += code.has_value() ? 0 : 1;
  }
  EXPECT_EQ(code, ErrorCode::no_space);
  EXPECT_EQ(drive->position().block, 3 + written);
  EXPECT_EQ(contents(), "ab|");
  drive->locate(3);
  write_file(*drive, {4});
  EXPECT_EQ(contents(), "ab|d|");
}

TEST_F(SmallDisk, RecordThatDidNotFitLeavesNothingBehindTheLastWholeOne) {
  // Not a multiple of a page, so that a part of the last one still finds room.
  constexpr std::size_t kOddRecord = 3000;
  const auto drive = writer();
  std::uint64_t written = 0;
  while (!error_of([&] { return drive->write_record(test::pattern(kOddRecord)); }).has_value()) {
    ++written;
  }
  ASSERT_TRUE(drive->write_filemark().written);
  EXPECT_EQ(std::filesystem::file_size(path_of("0000.data")), written * kOddRecord);
  EXPECT_EQ(drive->position(), (Position{.block = written + 1, .file = 1}));
}

TEST_F(SmallDisk, DiskThatGetsFullWarnsEarly) {
  write_text(path_of("somebody-elses"), std::string(700 * KiB, 'x'));
  EXPECT_TRUE(writer()->write_record(record(1)).early_warning);
  std::filesystem::remove(path_of("somebody-elses"));
  EXPECT_FALSE(writer()->write_record(record(1)).early_warning);
}

TEST_F(SmallDisk, DiskThatGetsFullIsTheShortageOfTheMediumAndNotItsEnd) {
  write_text(path_of("somebody-elses"), std::string(700 * KiB, 'x'));
  EXPECT_EQ(writer()->medium()->shortage,
            "the disk under " + path_ + " is nearly full: free some space");
  // Both at an end: the medium's own counts. It has a hole where its data would be.
  write_medium_description(path_, {.capacity_bytes = 8 * MiB, .record_size = kRecord});
  write_text(path_of("0000.data"), "");
  std::filesystem::resize_file(path_of("0000.data"), 8 * MiB);
  EXPECT_EQ(writer()->medium()->shortage, "");
  std::filesystem::remove(path_of("0000.data"));
  std::filesystem::remove(path_of("somebody-elses"));
  EXPECT_EQ(writer()->medium()->shortage, "");
}

}  // namespace
}  // namespace mixtape::tapeio
