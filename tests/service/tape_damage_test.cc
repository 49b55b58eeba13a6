// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "engine/service/lone_medium.h"
#include "tapeio/error.h"
#include "tapeio/lto/cartridge_chip.h"
#include "tests/service/scan_fixture.h"
#include "tests/support/errors.h"

// Simulated cartridges that are worn, in one drive: what archives tell where no index can be read,
// what is left of a file, and a strange cartridge that is looked at by itself.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kFirst[] = "MX0001L9";
constexpr char kSecond[] = "MX0002L9";

class TapeDamageTest : public ScanTest {
 protected:
  TapeDamageTest() {
    fs::remove_all(home() / "library");
    fs::create_directory(home() / "library");
    ask_for(1);
    for (const char* label : {kFirst, kSecond}) {
      context().workspace.libraries().here().front()->add_medium(label, 64 * MiB);
    }
  }
  [[nodiscard]] std::string url_of(const fs::path& directory) const override {
    return "sim:" + directory.string() + ",generation=9,drives=1,vary=no,host=none";
  }
  void ask_for(int copies) {
    reopen();
    configure("libraries = ['" + url_of(home() / "library") +
              "']\nrecord_size = '64 KiB'\narchaeology = 'texts'\ncopies = " +
              std::to_string(copies) + "\n");
  }

  // --- Wear: whole records, as a tape has it.

  // Block address of record `record` of the `nth` tape file of that kind, from 0.
  static std::uint64_t block_in(const fs::path& cartridge, const std::string& kind, int nth,
                                std::uint64_t record) {
    std::vector<fs::path> files;
    for (const auto& file : fs::directory_iterator(cartridge)) {
      if (file.path().filename().string().starts_with("0")) {
        files.push_back(file.path());
      }
    }
    std::ranges::sort(files);
    std::uint64_t block = 0;
    for (const fs::path& file : files) {
      const std::uint64_t records = records_of(file);
      if (file.filename().string().find("." + kind + ".") != std::string::npos && nth-- == 0) {
        EXPECT_LT(record, records);
        return block + record;
      }
      block += records + 1;
    }
    ADD_FAILURE() << "there is no such tape file";
    return 0;
  }
  static std::uint64_t records_of(const fs::path& file) { return fs::file_size(file) / kRecord; }
  void wear(const fs::path& cartridge, const std::set<std::uint64_t>& blocks) {
    reopen();
    auto chip = tapeio::lto::read_cartridge_chip(cartridge, {});
    chip.unreadable.insert(blocks.begin(), blocks.end());
    tapeio::lto::write_cartridge_chip(cartridge, chip);
  }
  void wear_indexes(const fs::path& cartridge) {
    const auto indexes = static_cast<int>(files_of("index", cartridge).size());
    for (int nth = 0; nth < indexes; ++nth) {
      wear(cartridge, {block_in(cartridge, "index", nth, 0)});
    }
  }
  [[nodiscard]] fs::path cartridge(const std::string& label) const {
    return home() / "library" / label;
  }
  RestoreResult bring_back(bool partial) {
    RestoreRequest request;
    request.paths = {source().string()};
    request.to = out_.string();
    request.partial = partial;
    return restore(context(), request, reporter_);
  }
  [[nodiscard]] std::string came_back(const std::string& name) const {
    return test::read_text(out_ / path_of(name));
  }

  const fs::path out_ = directory_ / "out";
};

// --- recover --scan

TEST_F(TapeDamageTest, ATapeOfWhichNoIndexCanBeReadTellsItsArchivesAgain) {
  write("a", pattern_text(300'000, 1));
  write("d/b", "words");
  back_up();
  write("later", "of another job");
  back_up();
  lose_home();
  wear_indexes(shelf_ / kFirst);
  EXPECT_THAT(test::message_of([&] { (void)recover_from(shelf_, false); }),
              AllOf(HasSubstr("recover --scan"), HasSubstr(kFirst)));
  const RecoverResult result = scan();
  EXPECT_THAT(result.scanned, ElementsAre(kFirst));
  EXPECT_EQ(result.scan.archives, 2U);
  EXPECT_EQ(result.scan.damaged, 0U);
  EXPECT_EQ(bring_back(false).trouble_count, 0U);
  EXPECT_EQ(came_back("a"), pattern_text(300'000, 1));
  EXPECT_EQ(came_back("d/b"), "words");
  EXPECT_EQ(came_back("later"), "of another job");
  EXPECT_EQ(back_up().recorded.changed, 0U) << "it knows the files again";
}

TEST_F(TapeDamageTest, ABadRecordAmongThemCostsTheFileThatItHeld) {
  write("a", pattern_text(100'000, 1));
  write("b", pattern_text(500'000, 2));
  write("c", pattern_text(100'000, 3));
  back_up();
  lose_home();
  wear_indexes(shelf_ / kFirst);
  wear(shelf_ / kFirst, {block_in(shelf_ / kFirst, "archive", 0, 5)});
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 1U);
  EXPECT_EQ(result.scan.damaged, 1U);
  EXPECT_THAT(reporter_.problems, Contains(AllOf(HasSubstr(kFirst), HasSubstr(path_of("b")))));
  EXPECT_FALSE(latest(path_of("b")));
  EXPECT_EQ(restored("a"), pattern_text(100'000, 1));
  EXPECT_EQ(restored("c"), pattern_text(100'000, 3));
}

TEST_F(TapeDamageTest, ABadRecordBetweenMembersIsPassedAndTheTapeIsTakenUpAgain) {
  for (int i = 0; i < 400; ++i) {
    write("f" + std::to_string(1000 + i), pattern_text(900, i));
  }
  back_up();
  lose_home();
  wear_indexes(shelf_ / kFirst);
  wear(shelf_ / kFirst, {block_in(shelf_ / kFirst, "archive", 0, 3)});
  EXPECT_EQ(scan().scan.gaps, 1U);
  std::size_t there = 0;
  for (int i = 0; i < 400; ++i) {
    there += latest(path_of("f" + std::to_string(1000 + i))) ? 1 : 0;
  }
  // Two chunks of 64 KiB touch a record of that size, and each holds some thirty files.
  EXPECT_GE(there, 320U);
  EXPECT_LT(there, 400U);
  EXPECT_EQ(restored("f1399"), pattern_text(900, 399));
}

TEST_F(TapeDamageTest, AnOlderIndexIsNotTakenForTheNewestWithoutAWord) {
  write("a", "words");
  back_up();
  lose_home();
  const auto indexes = static_cast<int>(files_of("index", shelf_).size());
  wear(shelf_ / kFirst, {block_in(shelf_ / kFirst, "index", indexes - 1, 0)});
  EXPECT_THAT(recover_from(shelf_, false).read, ElementsAre(kFirst));
  EXPECT_THAT(reporter_.problems,
              ElementsAre(AllOf(HasSubstr(kFirst), HasSubstr("may be its newest index"))));
  EXPECT_TRUE(latest(path_of("a")));
}

// --- restore --partial

TEST_F(TapeDamageTest, WhatIsWholeOfAFileComesBackFromAWornTape) {
  write("a", pattern_text(1'000'000, 1));
  write("b", "whole");
  back_up();
  wear(cartridge(kFirst), {block_in(cartridge(kFirst), "archive", 0, 6)});
  const RestoreResult result = bring_back(true);
  EXPECT_EQ(result.trouble_count, 1U);
  ASSERT_THAT(result.partials, SizeIs(1));
  EXPECT_EQ(result.partials[0].path, path_of("a") + ".partial");
  ASSERT_THAT(result.partials[0].holes, SizeIs(1));
  const FileHole& hole = result.partials[0].holes[0];
  EXPECT_LE(hole.length, 2 * kRecord) << "a record touches two chunks";
  EXPECT_THAT(hole.why, HasSubstr(kFirst));
  std::string truth = pattern_text(1'000'000, 1);
  truth.replace(hole.offset, hole.length, hole.length, '\0');
  EXPECT_EQ(came_back("a.partial"), truth);
  EXPECT_EQ(came_back("b"), "whole");
}

TEST_F(TapeDamageTest, TwoWornTapesInOneDriveMakeAWholeFile) {
  ask_for(2);
  write("a", pattern_text(1'000'000, 1));
  ASSERT_EQ(back_up().written.media.size(), 2U);
  wear(cartridge(kFirst), {block_in(cartridge(kFirst), "archive", 0, 4)});
  wear(cartridge(kSecond), {block_in(cartridge(kSecond), "archive", 0, 9)});
  const RestoreResult result = bring_back(true);
  EXPECT_EQ(result.trouble_count, 0U);
  EXPECT_THAT(result.partials, IsEmpty());
  EXPECT_EQ(came_back("a"), pattern_text(1'000'000, 1));
}

// --- A strange cartridge by itself

class StrangeCartridgeTest : public TapeDamageTest {
 protected:
  // Another machine's cartridge, in the library of this one.
  StrangeCartridgeTest() {
    write("file", "of another machine");
    back_up();
    lose_home();
  }
  // Both are opened for as long as the mount would be there.
  std::string read_alone(const std::string& label) {
    const LoneMedium lone(request(label));
    Workspace workspace{home::Home(lone.home())};
    Context alone(workspace, catalog::Access::write, [] { return 4'000'000'000; });
    RestoreRequest all;
    all.paths = {"/"};
    all.to = out_;
    EXPECT_EQ(restore(alone, all, reporter_).trouble_count, 0U);
    return came_back("file");
  }
  [[nodiscard]] LoneMediumRequest request(const std::string& label) const {
    return {.medium = label,
            .home = directory_ / "no home",
            .library = url_of(shelf_),
            .identity_file = paper_};
  }
  // Where a command of before left it: in the drive, or the other one is there now.
  [[nodiscard]] std::string place_of(const std::string& label) const {
    for (const tapeio::MediumSlot& slot : tapeio::open_library(url_of(shelf_))->media()) {
      if (slot.label == label) {
        return slot.place;
      }
    }
    return "nowhere";
  }
};

TEST_F(StrangeCartridgeTest, IsReadWhereItIsInTheDriveAlready) {
  ASSERT_THAT(place_of(kFirst), HasSubstr("drive"));
  EXPECT_EQ(read_alone(kFirst), "of another machine");
}

TEST_F(StrangeCartridgeTest, IsReadOutOfItsSlot) {
  (void)tapeio::open_library(url_of(shelf_))->load(kSecond, tapeio::Library::Access::read);
  ASSERT_THAT(place_of(kFirst), HasSubstr("slot"));
  EXPECT_EQ(read_alone(kFirst), "of another machine");
}

TEST_F(StrangeCartridgeTest, WithoutAnIndexItSaysThatItsArchivesCanBeScanned) {
  wear_indexes(shelf_ / kFirst);
  EXPECT_THAT(test::message_of([&] { const LoneMedium lone(request(kFirst)); }),
              AllOf(HasSubstr(kFirst), HasSubstr("recover --scan")));
}

TEST_F(StrangeCartridgeTest, ThatIsBlankOrNotThereIsRefused) {
  EXPECT_THAT(test::message_of([&] { const LoneMedium lone(request(kSecond)); }),
              HasSubstr("it is empty"));
  EXPECT_THAT(test::message_of([&] { const LoneMedium lone(request("MX0077L9")); }),
              HasSubstr("--library"));
}

TEST_F(StrangeCartridgeTest, WritesNothingOnIt) {
  std::map<fs::path, std::string> before;
  for (const char* kind : {"archaeology", "index", "archive"}) {
    for (const fs::path& file : files_of(kind, shelf_)) {
      before[file] = test::read_text(file);
    }
  }
  ASSERT_EQ(before.size(), 4U);
  (void)read_alone(kFirst);
  for (const auto& [file, bytes] : before) {
    EXPECT_TRUE(test::read_text(file) == bytes) << file;
  }
}

}  // namespace
}  // namespace mixtape::service
