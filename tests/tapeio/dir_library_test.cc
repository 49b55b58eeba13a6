// SPDX-License-Identifier: Apache-2.0
#include "tapeio/dir_library.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "tapeio/dir_layout.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

namespace mixtape::tapeio {
namespace {

using test::error_of;

class DirLibraryTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> labels() {
    std::vector<std::string> found;
    for (const MediumSlot& slot : library_->media()) {
      found.push_back(slot.label);
    }
    return found;
  }

  test::TempDir directory_{test::TempDir::Place::memory};
  const std::unique_ptr<Library> library_ = open_library("dir:" + directory_.path().string());
};

TEST_F(DirLibraryTest, UrlIsWhatItWasOpenedWith) {
  EXPECT_EQ(library_->url(), "dir:" + directory_.path().string());
}

TEST_F(DirLibraryTest, UnknownOrMissingLibrariesAreRefused) {
  EXPECT_EQ(error_of([] { return open_library("tape:/dev/nst0"); }), ErrorCode::invalid);
  EXPECT_EQ(error_of([] { return open_library("/path"); }), ErrorCode::invalid);
  EXPECT_EQ(url_for_people("iscsi://me%se/c@ret@host/iqn.2026-11.x:t/1"),
            "iscsi://host/iqn.2026-11.x:t/1");
  EXPECT_EQ(url_for_people("changer:iscsi://me%x@host/t/1,drive=iscsi://me%x@host/t/2"),
            "changer:iscsi://host/t/1,drive=iscsi://host/t/2");
  EXPECT_EQ(url_for_people("dir:/a@b"), "dir:/a@b");
  EXPECT_EQ(error_of([] { return open_library("dir:relative"); }), ErrorCode::invalid);
  EXPECT_EQ(error_of([] { return open_library("dir:"); }), ErrorCode::invalid);
  EXPECT_EQ(error_of([&] { return open_library("dir:" + (directory_ / "no").string()); }),
            ErrorCode::not_found);
}

TEST_F(DirLibraryTest, MediaAreListedInLabelOrderWithTheirCapacity) {
  library_->add_medium("B", 2 * GiB);
  library_->add_medium("A.1_x-y", 1 * GiB);
  library_->add_medium("C", 3 * GiB);
  const std::vector<MediumSlot> slots = library_->media();
  ASSERT_EQ(labels(), (std::vector<std::string>{"A.1_x-y", "B", "C"}));
  EXPECT_EQ(slots[0].capacity_bytes, 1 * GiB);
  EXPECT_EQ(slots[1].used_bytes, 0u);
  EXPECT_TRUE(slots[1].loaded);
}

TEST_F(DirLibraryTest, UsedBytesAreThoseWithAFilemark) {
  library_->add_medium("A", GiB);
  const auto drive = library_->load("A", Library::Access::write);
  ASSERT_TRUE(drive->write_record(test::pattern(1000)).written);
  EXPECT_EQ(library_->media().at(0).used_bytes, 0u);
  ASSERT_TRUE(drive->write_filemark().written);
  EXPECT_EQ(library_->media().at(0).used_bytes, 1000u + 4 * KiB);
}

TEST_F(DirLibraryTest, DeviceIsTheDiskOfTheMedium) {
  library_->add_medium("A", GiB);
  struct stat status;
  ASSERT_EQ(::stat(directory_.path().c_str(), &status), 0);
  EXPECT_EQ(library_->media().at(0).device_id, status.st_dev);
}

TEST_F(DirLibraryTest, OtherThingsInTheDirectoryAreNoMedia) {
  test::write_text(directory_ / "file", "x");
  std::filesystem::create_directory(directory_ / "photos");
  std::filesystem::create_directory(directory_ / ".hidden");
  test::write_text(directory_ / ".hidden/mixtape-medium", "format = 1\ncapacity_bytes = 1\n");
  library_->add_medium("A", GiB);
  EXPECT_EQ(labels(), (std::vector<std::string>{"A"}));
}

TEST_F(DirLibraryTest, DamagedMediumDoesNotHideTheOthers) {
  library_->add_medium("A", GiB);
  library_->add_medium("B", GiB);
  test::write_text(directory_ / "A/mixtape-medium", "nonsense");
  EXPECT_EQ(labels(), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(library_->media().at(0).capacity_bytes, std::nullopt);
  EXPECT_EQ(error_of([&] { return library_->load("A", Library::Access::read); }),
            ErrorCode::corrupt);
}

TEST_F(DirLibraryTest, MediumMayLieElsewhereBehindALink) {
  const test::TempDir other_disk;
  open_library("dir:" + other_disk.path().string())->add_medium("D9", GiB);
  std::filesystem::create_directory_symlink(other_disk / "D9", directory_ / "D9");
  EXPECT_EQ(labels(), (std::vector<std::string>{"D9"}));
  EXPECT_EQ(library_->load("D9", Library::Access::write)->medium()->label, "D9");
}

TEST_F(DirLibraryTest, LabelsThatAreNoSafeNamesAreInvalid) {
  const std::string too_long(33, 'A');
  for (const std::string& label :
       {std::string(), std::string("."), std::string(".."), std::string("-x"), std::string(".x"),
        std::string("a/b"), std::string("a b"), std::string("\xc3\xa4"), std::string("a\0b", 3),
        too_long}) {
    EXPECT_EQ(error_of([&] { return library_->add_medium(label, GiB), 0; }), ErrorCode::invalid);
    EXPECT_EQ(error_of([&] { return library_->load(label, Library::Access::read); }),
              ErrorCode::invalid);
  }
  library_->add_medium(std::string(32, 'A'), GiB);
}

TEST_F(DirLibraryTest, LabelInUseIsAConflict) {
  library_->add_medium("A", GiB);
  EXPECT_EQ(error_of([&] { return library_->add_medium("A", GiB), 0; }), ErrorCode::conflict);
  test::write_text(directory_ / "photos/a.jpg", "x");
  EXPECT_EQ(error_of([&] { return library_->add_medium("photos", GiB), 0; }), ErrorCode::conflict);
  test::write_text(directory_ / "file", "x");
  EXPECT_EQ(error_of([&] { return library_->add_medium("file", GiB), 0; }), ErrorCode::conflict);
}

TEST_F(DirLibraryTest, MediumHalfMadeBeforeACrashIsMadeWhole) {
  test::write_text(directory_ / "A/mixtape-medium.new", "form");
  EXPECT_TRUE(labels().empty());
  library_->add_medium("A", GiB);
  EXPECT_EQ(labels(), (std::vector<std::string>{"A"}));
}

TEST_F(DirLibraryTest, CapacityOfNothingIsInvalid) {
  EXPECT_EQ(error_of([&] { return library_->add_medium("A", 0), 0; }), ErrorCode::invalid);
}

TEST_F(DirLibraryTest, UnknownMediumIsNotFound) {
  EXPECT_EQ(error_of([&] { return library_->load("A", Library::Access::read); }),
            ErrorCode::not_found);
}

TEST_F(DirLibraryTest, EveryReaderGetsADriveAndOneWriter) {
  library_->add_medium("A", GiB);
  const auto writer = library_->load("A", Library::Access::write);
  const auto reader = library_->load("A", Library::Access::read);
  const auto other = library_->load("A", Library::Access::read);
  EXPECT_EQ(error_of([&] { return library_->load("A", Library::Access::write); }),
            ErrorCode::conflict);
}

TEST_F(DirLibraryTest, ReaderSeesWholeTapeFilesWhileAWriterAppendsAndOverwrites) {
  library_->add_medium("A", GiB);
  constexpr std::size_t kRecord = 512;
  constexpr int kRounds = 200;
  std::jthread writing([&] {
    const auto drive = library_->load("A", Library::Access::write);
    for (int round = 0; round < kRounds; ++round) {
      // Appends a tape file of the round's records, and overwrites the closing one behind it.
      static_cast<void>(drive->space_filemarks(-1));
      if (drive->position().file > 0) {
        static_cast<void>(drive->space_filemarks(-1));
        static_cast<void>(drive->space_filemarks(1));
      } else {
        drive->rewind();
      }
      for (int file = 0; file < 2; ++file) {
        for (int record = 0; record <= round % 3; ++record) {
          ASSERT_TRUE(drive->write_record(Bytes(kRecord, std::byte(round))).written);
        }
        ASSERT_TRUE(drive->write_filemark().written);
      }
      if (round % 20 == 19) {
        drive->rewind();
      }
    }
  });
  std::uint64_t files_read = 0;
  for (int pass = 0; pass < kRounds || files_read == 0; ++pass) {
    const auto drive = library_->load("A", Library::Access::read);
    Bytes buffer(kRecord);
    Bytes first;
    std::size_t records = 0;
    for (;;) {
      ReadResult result{};
      // An overwritten beginning is an Error by contract; anything mixed would be a lie.
      if (error_of([&] { return result = drive->read_record(buffer); }).has_value() ||
          result.kind == ReadResult::Kind::end_of_data) {
        break;
      }
      if (result.kind == ReadResult::Kind::filemark) {
        ASSERT_EQ(records, std::to_integer<std::size_t>(first[0]) % 3 + 1);
        records = 0;
        ++files_read;
        continue;
      }
      first = records++ == 0 ? buffer : first;
      ASSERT_EQ(buffer, first);
    }
  }
}

}  // namespace
}  // namespace mixtape::tapeio
