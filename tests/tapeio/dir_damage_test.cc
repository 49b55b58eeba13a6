// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <set>

#include "tapeio/dir_description.h"
#include "tapeio/dir_files.h"
#include "tapeio/faulty_drive.h"
#include "tests/tapeio/dir_fixture.h"

// What crashes, people and rot do to a medium that is a directory.

namespace mixtape::tapeio {
namespace {

using test::error_of;
using test::write_text;

class DamagedMedium : public DirMediumTest {
 protected:
  void SetUp() override {
    DirMediumTest::SetUp();
    const auto drive = writer();
    write_file(*drive, {1}, "a");
    write_file(*drive, {2, 3}, "b");
    write_file(*drive, {4}, "c");
  }
  [[nodiscard]] std::optional<ErrorCode> code_of_loading() const {
    return error_of([this] { return reader(); });
  }
};

TEST_F(DamagedMedium, ForeignFilesAreLeftAlone) {
  write_text(path_of("notes.txt"), "x");
  write_text(path_of(".DS_Store"), "x");
  write_text(path_of("12.jpg"), "x");
  std::filesystem::create_directory(path_of("lost+found"));
  EXPECT_EQ(contents(), "a|bc|d|");
  const auto drive = writer();
  write_file(*drive, {5});
  EXPECT_TRUE(std::filesystem::exists(path_of("notes.txt")));
}

TEST_F(DamagedMedium, MissingTapeFileIsNamed) {
  std::filesystem::remove(path_of("0001.b"));
  try {
    static_cast<void>(reader());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt);
    EXPECT_STREQ(error.what(),
                 "read medium DISK01: tape file 1 is missing: put back what is left of them, or "
                 "stand-ins of the size they had (`truncate -s SIZE 0001.lost`), which `mixtape "
                 "doctor` tells; if nobody knows it, `mixtape recover --scan --library URL "
                 "--identity FILE` reads the others");
  }
}

TEST_F(DamagedMedium, AllMissingTapeFilesAreNamedAtOnce) {
  std::filesystem::remove(path_of("0000.a"));
  std::filesystem::remove(path_of("0001.b"));
  try {
    static_cast<void>(reader());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("tape files 0, 1 are missing"),
                                             testing::HasSubstr("SIZE 0000.lost 0001.lost`")));
  }
}

TEST_F(DamagedMedium, DespiteGapsAMissingTapeFileIsAnEmptyOne) {
  std::filesystem::remove(path_of("0001.b"));
  EXPECT_EQ(missing_tape_files(path_), std::vector<std::uint64_t>{1});
  DirDrive drive(path_, DirDriveOptions{.despite_gaps = true});
  EXPECT_EQ(drive.space_filemarks(1), 1U);
  Bytes record(kRecord);
  EXPECT_EQ(drive.read_record(record).kind, ReadResult::Kind::filemark);
  EXPECT_EQ(drive.position().file, 2U);
  EXPECT_EQ(drive.read_record(record).kind, ReadResult::Kind::record);
  EXPECT_THROW(static_cast<void>(reader()), Error) << "whoever did not ask is refused";
  make_stand_ins(path_);
  EXPECT_TRUE(missing_tape_files(path_).empty());
  EXPECT_EQ(reader()->position().file, 0U);
}

TEST_F(DamagedMedium, AHugeGapIsNoReasonToFillTheMemory) {
  write_text(path_of("999999999.x"), "x");
  EXPECT_THROW(DirDrive(path_, DirDriveOptions{.despite_gaps = true}), Error);
}

TEST_F(DirMediumTest, WithoutItsDescriptionItIsReadAsItsTapeFilesTell) {
  for (const char* description : {"", "junk", "format = x\n"}) {
    std::filesystem::remove_all(path_);
    DirMediumTest::SetUp();
    {
      const auto drive = writer();
      Bytes label(kRecord);
      const std::string text = "\"record_size\": " + std::to_string(kRecord) + ",";
      std::copy_n(as_bytes(text).begin(), text.size(), label.begin());
      drive->name_next_file("archaeology.tar");
      ASSERT_TRUE(drive->write_record(label).written);
      ASSERT_TRUE(drive->write_filemark().written);
      write_file(*drive, {1, 2}, "archive.tar.age");
    }
    std::filesystem::remove(path_of("mixtape-medium"));
    if (*description != 0) {
      write_text(path_of("mixtape-medium"), description);
    }
    const auto drive = reader();
    drive->locate(2);
    EXPECT_EQ(contents(*drive), "ab|") << description;
    EXPECT_THAT(trouble_of_description(path_), testing::HasSubstr("record_size = "));
    try {
      static_cast<void>(writer());
      FAIL() << description;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("can be read, but not written to"));
    }
  }
}

TEST_F(DamagedMedium, TwoFilesOfOneNumberAreCorrupt) {
  write_text(path_of("0001.copy"), "x");
  EXPECT_EQ(code_of_loading(), ErrorCode::corrupt);
}

TEST_F(DamagedMedium, AnEmptyStandInBesideItsTapeFileIsIgnored) {
  write_text(path_of("0001.lost"), "");
  EXPECT_EQ(contents(), "a|bc|d|");
  EXPECT_TRUE(missing_tape_files(path_).empty());
  write_text(path_of("0001.lost"), "x");
  EXPECT_EQ(code_of_loading(), ErrorCode::corrupt) << "with something in it nobody can tell";
}

TEST_F(DamagedMedium, AnIgnoredStandInIsGoneBeforeItsTapeFileIsOverwritten) {
  write_text(path_of("0001.lost"), "");
  write_text(path_of("0002.lost"), "");
  const auto drive = writer();
  drive->locate(2);
  write_file(*drive, {5}, "e");
  EXPECT_EQ(names(), (std::vector<std::string>{"0000.a", "0001.e", "mixtape-medium"}));
}

TEST_F(DamagedMedium, AStandInOfATapeFileUnderWayIsATapeFile) {
  write_text(path_of("0003.lost"), "");
  write_text(path_of("0003.x.part"), "half a record");
  const auto drive = writer();
  drive->seek_end_of_data();
  write_file(*drive, {5}, "e");
  EXPECT_EQ(contents(), "a|bc|d||e|");
}

TEST_F(DamagedMedium, LinksPipesAndDirectoriesAreNoTapeFiles) {
  std::filesystem::create_symlink("0000.a", path_of("0003.link"));
  EXPECT_EQ(code_of_loading(), ErrorCode::corrupt);
  std::filesystem::remove(path_of("0003.link"));
  ASSERT_EQ(::mkfifo(path_of("0003.pipe").c_str(), 0600), 0);
  EXPECT_EQ(code_of_loading(), ErrorCode::corrupt);
  std::filesystem::remove(path_of("0003.pipe"));
  std::filesystem::create_directory(path_of("0003.d"));
  EXPECT_EQ(code_of_loading(), ErrorCode::corrupt);
}

TEST_F(DamagedMedium, LinkPutInPlaceOfATapeFileIsNotFollowed) {
  const auto drive = reader();
  std::filesystem::rename(path_of("0001.b"), directory_ / "elsewhere");
  std::filesystem::create_symlink(directory_ / "elsewhere", path_of("0001.b"));
  EXPECT_NE(error_of([&] { return drive->locate(2), contents(*drive); }), std::nullopt);
}

TEST_F(DamagedMedium, LinkedOrPipedDescriptionIsNotRead) {
  std::filesystem::rename(path_of("mixtape-medium"), directory_ / "description");
  std::filesystem::create_symlink(directory_ / "description", path_of("mixtape-medium"));
  EXPECT_EQ(code_of_loading(), ErrorCode::io);
  std::filesystem::remove(path_of("mixtape-medium"));
  ASSERT_EQ(::mkfifo(path_of("mixtape-medium").c_str(), 0600), 0);
  EXPECT_NE(code_of_loading(), std::nullopt);
}

TEST_F(DamagedMedium, LostOrHugeDescriptionIsAnError) {
  write_text(path_of("mixtape-medium"), std::string(65 * KiB, '#'));
  EXPECT_EQ(code_of_loading(), ErrorCode::corrupt);
  std::filesystem::remove(path_of("mixtape-medium"));
  EXPECT_EQ(code_of_loading(), ErrorCode::not_found);
}

TEST_F(DamagedMedium, LostRecordSizeIsCorrupt) {
  write_medium_description(path_, {.capacity_bytes = 64 * MiB, .record_size = 0});
  EXPECT_EQ(code_of_loading(), ErrorCode::corrupt);
}

TEST_F(DamagedMedium, TruncatedTapeFileEndsEarlyAndTheOthersAreWhole) {
  std::filesystem::resize_file(path_of("0001.b"), kRecord + 10);
  const auto drive = reader();
  drive->locate(3);
  Bytes buffer(kRecord);
  EXPECT_EQ(drive->read_record(buffer).size, 10u);
  EXPECT_EQ(contents(*drive), "|d|");
}

TEST_F(DamagedMedium, TapeFileTruncatedWhileItIsReadIsCorruptAndPassed) {
  const auto drive = reader();
  drive->locate(2);
  std::filesystem::resize_file(path_of("0001.b"), kRecord + 10);
  Bytes buffer(kRecord);
  EXPECT_EQ(drive->read_record(buffer).kind, ReadResult::Kind::record);
  EXPECT_EQ(error_of([&] { return drive->read_record(buffer); }), ErrorCode::corrupt);
  EXPECT_EQ(drive->position().block, 4u);
  EXPECT_EQ(drive->read_record(buffer).kind, ReadResult::Kind::filemark);
  EXPECT_EQ(drive->read_record(buffer).kind, ReadResult::Kind::record);
  EXPECT_EQ(buffer, record(4));
}

TEST_F(DamagedMedium, WriterDoesNotBelieveAFileThatSomebodyElseChanged) {
  const auto drive = writer();
  std::filesystem::resize_file(path_of("0001.b"), 5 * kRecord);
  drive->locate(2);
  Bytes buffer(kRecord);
  EXPECT_EQ(error_of([&] { return drive->read_record(buffer); }), ErrorCode::io);
}

TEST_F(DamagedMedium, SparseGiantsDoNotOverflowAddresses) {
  std::filesystem::resize_file(path_of("0000.a"), 1ull << 43);
  std::filesystem::resize_file(path_of("0001.b"), 1ull << 43);
  const auto drive = reader();
  drive->seek_end_of_data();
  EXPECT_EQ(drive->position().block, 2 * ((1ull << 43) / kRecord) + 4);
}

TEST_F(DamagedMedium, LeftoverOfACrashIsIgnoredAndGoesWithTheNextWrite) {
  write_text(path_of("0003.archive.tar.age.part"), "half a record");
  write_text(path_of("0003.other.part"), "half a record");
  EXPECT_EQ(contents(), "a|bc|d|");
  const auto drive = writer();
  EXPECT_EQ(contents(*drive), "a|bc|d|");
  write_file(*drive, {5}, "e");
  EXPECT_EQ(names(),
            (std::vector<std::string>{"0000.a", "0001.b", "0002.c", "0003.e", "mixtape-medium"}));
}

// Runs `job` on a fresh medium with the power failing before each of its steps in turn; gathers
// what is found afterwards, and sees that writing can go on from there.
class PowerFailure : public DirMediumTest {
 protected:
  template <typename Job>
  std::set<std::string> outcomes_of(Job job) {
    std::set<std::string> outcomes;
    std::uint64_t last_step = 0;
    for (std::uint64_t cut = 0; cut <= last_step; ++cut) {
      std::filesystem::remove_all(path_);
      DirMediumTest::SetUp();
      prepare();
      std::uint64_t step = 0;
      auto drive = writer([&](std::string_view) {
        if (step++ == cut) {
          throw PowerCut{cut};
        }
      });
      try {
        job(*drive);
      } catch (const PowerCut&) {
        last_step = cut + 1;
      }
      drive.reset();
      outcomes.insert(contents());
      expect_appendable();
    }
    EXPECT_GT(last_step, 3u);
    return outcomes;
  }

 private:
  void prepare() {
    const auto drive = writer();
    write_file(*drive, {1}, "a");
    write_file(*drive, {2, 3}, "b");
    write_file(*drive, {4}, "c");
    write_file(*drive, {5}, "d");
  }
  void expect_appendable() {
    const std::string before = contents();
    const auto drive = writer();
    drive->seek_end_of_data();
    write_file(*drive, {26}, "z");
    EXPECT_EQ(contents(), before + "z|");
    for (const std::string& name : names()) {
      EXPECT_FALSE(name.ends_with(".part")) << name;
    }
  }
};

TEST_F(PowerFailure, AppendingLeavesTheOldOrTheNewMedium) {
  const auto outcomes = outcomes_of([](TapeDrive& drive) {
    drive.seek_end_of_data();
    write_file(drive, {6, 7});
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"a|bc|d|e|", "a|bc|d|e|fg|"}));
}

TEST_F(PowerFailure, OverwritingNeverShowsAnOldTapeFileBehindANewOne) {
  const auto outcomes = outcomes_of([](TapeDrive& drive) {
    drive.locate(2);
    write_file(drive, {6});
    write_file(drive, {7});
  });
  EXPECT_EQ(outcomes,
            (std::set<std::string>{"a|bc|d|e|", "a|bc|d|", "a|bc|", "a|", "a|f|", "a|f|g|"}));
}

TEST_F(PowerFailure, OverwritingWithinATapeFileLosesThatFileAtMost) {
  const auto outcomes = outcomes_of([](TapeDrive& drive) {
    drive.locate(3);
    write_file(drive, {6});
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"a|bc|d|e|", "a|bc|d|", "a|bc|", "a|", "a|bf|"}));
}

TEST_F(PowerFailure, LabellingAnewLeavesAShorterOldOrAWholeNewMedium) {
  const auto outcomes = outcomes_of([](TapeDrive& drive) {
    ASSERT_TRUE(drive.write_record(ByteView(record(6)).first(kRecord / 2)).written);
    drive.rewind();
    write_file(drive, {6});
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"a|bc|d|e|", "a|bc|d|", "a|bc|", "a|", "", "f|"}));
}

TEST_F(PowerFailure, EmptyTapeFileIsThereOrNot) {
  const auto outcomes = outcomes_of([](TapeDrive& drive) {
    drive.seek_end_of_data();
    ASSERT_TRUE(drive.write_filemark().written);
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"a|bc|d|e|", "a|bc|d|e||"}));
}

// Each change of the directory is durable before the next one begins.
TEST_F(PowerFailure, StepsAreTakenInTheOrderThatTheDocumentPromises) {
  std::vector<std::string> steps;
  const auto drive = writer([&](std::string_view step) { steps.emplace_back(step); });
  write_file(*drive, {1}, "a");
  write_file(*drive, {2}, "b");
  write_file(*drive, {3}, "c");
  steps.clear();
  drive->locate(2);
  write_file(*drive, {4}, "d");
  const std::vector<std::string> expected = {
      "remove 0002.c",   "sync directory", "remove 0001.b",      "sync directory", "begin 0001.d",
      "truncate 0001.d", "sync 0001.d",    "rename 0001.d.part", "sync directory"};
  EXPECT_EQ(steps, expected);
}

// A step that fails instead: the drive goes on, and shows nothing half done.
TEST_F(PowerFailure, FailingStepLeavesTheDriveUsable) {
  for (int failing = 0;; ++failing) {
    std::filesystem::remove_all(path_);
    DirMediumTest::SetUp();
    int step = -1000;
    const auto drive = writer([&](std::string_view name) {
      if (step++ == failing) {
        throw Error(ErrorCode::io, "planned: " + std::string(name));
      }
    });
    write_file(*drive, {1}, "a");
    write_file(*drive, {2}, "b");
    write_file(*drive, {3, 4}, "c");
    drive->locate(5);
    step = 0;
    const bool failed = error_of([&] { return write_file(*drive, {5, 6}, "e"), 0; }).has_value();
    step = -1000;
    drive->rewind();
    const std::string own = contents(*drive);
    const std::set<std::string> whole = {"a|b|", "a|b|c", "a|b|ce", "a|b|cef", "a|b|cef|"};
    EXPECT_TRUE(whole.contains(own)) << own << " after failing step " << failing;
    drive->locate(std::min<std::uint64_t>(4, drive->position().block));
    write_file(*drive, {7}, "g");
    EXPECT_EQ(contents(), "a|b|g|") << "failing step " << failing;
    if (!failed) {
      break;
    }
  }
}

}  // namespace
}  // namespace mixtape::tapeio
