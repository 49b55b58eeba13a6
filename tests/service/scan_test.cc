// SPDX-License-Identifier: Apache-2.0
#include "tests/service/scan_fixture.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/service/verify.h"
#include "tapeio/error.h"
#include "tests/support/errors.h"

// The home is lost, and so are indexes on the media: what the archives themselves tell.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ScannedTest : public ScanTest {
 protected:
  // What a user sees: names with all that the archive keeps, in all views.
  std::vector<std::string> seen() {
    std::vector<std::string> lines;
    Context& all = context();
    all.tree.walk({}, catalog::kRootPath,
                  [&](const std::string& path, const catalog::Version& version) {
                    if (path.starts_with(root_.relative_path().string() + "/")) {
                      lines.push_back(line_of(path, version));
                    }
                    return true;
                  });
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  std::string line_of(const std::string& path, const catalog::Version& version) {
    const catalog::Metadata& data = version.metadata;
    std::string line = path + " " + std::to_string(data.mode) + " " + std::to_string(data.uid) +
                       " " + data.owner + " " + std::to_string(data.mtime_ns) + " " +
                       std::to_string(data.nlink) + " " + data.symlink_target + " " +
                       std::to_string(version.size);
    for (const auto& [name, value] : data.xattrs) {
      line += " " + name + "=" + value;
    }
    if (version.content) {
      line += version.hash ? " " + to_hex(*version.hash) : " unhashed";
      for (const catalog::CopyPlace& place : context().ledger.places(*version.content)) {
        line += " " + place.medium.label + ":" + std::to_string(*place.bundle.archive_block) + "+" +
                std::to_string(place.copy.data_offset);
      }
    }
    return line;
  }
  std::size_t versions_of(std::string_view name) {
    const auto path = context().tree.find_path(path_of(name));
    return path ? context().tree.history(*path).size() : 0;
  }
  // Every kind of member that an archive can have.
  void write_all_kinds() {
    write("a", pattern_text(200'000, 1));
    write("b/duplicate", pattern_text(200'000, 1));
    write("b/empty", "");
    write("b/small", "some words");
    fs::create_hard_link(source("b/small"), source("b/linked"));
    fs::create_symlink("../a", source("b/symlink"));
    fs::create_directory(source("b/empty directory"));
    ::chmod(source("b/small").c_str(), 0640);
    ::setxattr(source("a").c_str(), "user.colour", "blue", 4, 0);
    write("c/sparse", "");
    const tapeio::UniqueFd fd = tapeio::open_file(source("c/sparse"), O_WRONLY);
    ASSERT_EQ(::pwrite(fd.get(), "data", 4, 300'000), 4);
    ASSERT_EQ(::ftruncate(fd.get(), 1'000'000), 0);
  }
};

TEST_F(ScannedTest, WithoutAnyIndexTheArchivesTellEverythingAgain) {
  write_all_kinds();
  back_up();
  write("b/later", "of another job");
  back_up();
  const std::vector<std::string> truth = seen();
  lose_home();
  spoil_indexes(shelf_);
  const RecoverResult result = scan();
  EXPECT_THAT(result.scanned, ElementsAre("MX0001"));
  EXPECT_EQ(result.scan.archives, 2U);
  EXPECT_EQ(result.scan.damaged, 0U);
  EXPECT_EQ(result.scan.gaps, 0U);
  EXPECT_EQ(seen(), truth);
  EXPECT_EQ(restored("b/small"), "some words");
  EXPECT_EQ(restored("a"), pattern_text(200'000, 1));
}

TEST_F(ScannedTest, WhatWasScannedVerifies) {
  write_all_kinds();
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  (void)scan();
  VerifyRequest request;
  request.media = {"MX0001"};
  const VerifyResult verified = verify(context(), request, reporter_);
  ASSERT_EQ(verified.media.size(), 1U);
  EXPECT_EQ(verified.media[0].damaged, 0U);
  EXPECT_EQ(verified.media[0].good, 3U);
}

TEST_F(ScannedTest, WithoutScanningTheMessageSaysWhatWouldHelp) {
  write("a", "words");
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  EXPECT_THAT(test::message_of([&] { (void)recover_from(shelf_, false); }),
              AllOf(HasSubstr("recover --scan"), HasSubstr("MX0001")));
  EXPECT_FALSE(fs::exists(home()));
}

TEST_F(ScannedTest, AFlippedBitInEveryHeaderOfAnIndexIsNoReasonToGiveUp) {
  write("a", "words");
  back_up();
  lose_home();
  for (const fs::path& index : files_of("index", shelf_)) {
    flip(index, 60);
  }
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 1U);
  EXPECT_EQ(restored("a"), "words");
}

TEST_F(ScannedTest, ScanningAgainAddsNothingAndReadsNothing) {
  write_all_kinds();
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  (void)scan();
  const std::vector<std::string> once = seen();
  const std::int64_t versions = count("version"), jobs = count("job"), bundles = count("bundle");
  const RecoverResult again = scan();
  EXPECT_THAT(again.scanned, IsEmpty());
  EXPECT_EQ(seen(), once);
  EXPECT_EQ(count("version"), versions);
  EXPECT_EQ(count("job"), jobs);
  EXPECT_EQ(count("bundle"), bundles);
}

TEST_F(ScannedTest, OnlyArchivesOfWhichNoIndexTellsAreRead) {
  write("a", "first");
  back_up();
  write("b", "second");
  back_up();
  lose_home();
  const std::vector<fs::path> indexes = files_of("index", shelf_);
  ASSERT_EQ(indexes.size(), 3U);
  flip(indexes[1], 5000);
  flip(indexes[2], 5000);
  EXPECT_TRUE(recover_from(shelf_, false).read.size() == 1);
  EXPECT_THAT(reporter_.problems, Contains(AllOf(HasSubstr("MX0001"), HasSubstr("--scan"))));
  EXPECT_FALSE(latest(path_of("b")));
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 1U);
  EXPECT_EQ(restored("a"), "first");
  EXPECT_EQ(restored("b"), "second");
}

TEST_F(ScannedTest, AnIndexThatTurnsUpLaterTakesThePlaceOfWhatWasScanned) {
  write_all_kinds();
  back_up();
  write("b/later", "of another job");
  back_up();
  const std::vector<std::string> truth = seen();
  const std::int64_t versions = count("version"), jobs = count("job"), bundles = count("bundle");
  lose_home();
  fs::copy(shelf_, directory_ / "whole", fs::copy_options::recursive);
  spoil_indexes(shelf_);
  (void)scan();
  (void)recover_from(directory_ / "whole", false);
  EXPECT_EQ(seen(), truth);
  EXPECT_EQ(count("version"), versions);
  EXPECT_EQ(count("job"), jobs);
  EXPECT_EQ(count("bundle"), bundles);
  EXPECT_EQ(versions_of("a"), 1U);
}

TEST_F(ScannedTest, TheSecondCopyOfAVersionIsNoSecondVersion) {
  configure("libraries = [\"dir:library\"]\nrecord_size = \"64 KiB\"\ncopies = 2\n");
  write_all_kinds();
  back_up();
  const std::vector<std::string> one_copy = seen();
  reopen();
  fs::rename(home() / "library/MX0001", directory_ / "MX0001");  // Another place: another disk.
  back_up();
  reopen();
  fs::rename(directory_ / "MX0001", home() / "library/MX0001");
  const std::int64_t versions = count("version");
  const std::vector<std::string> truth = seen();
  ASSERT_NE(one_copy, truth);
  lose_home();
  // Only what was written before the second copy tells anything.
  spoil_indexes(shelf_ / "MX0002");
  EXPECT_EQ(scan().scan.archives, 1U);
  EXPECT_EQ(seen(), truth);
  EXPECT_EQ(count("version"), versions);
}

TEST_F(ScannedTest, ADamagedFileIsNamedAndTheOthersAreTaken) {
  leave_three_files_without_indexes();
  flip(files_of("archive", shelf_).front(), kInB);
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.damaged, 1U);
  EXPECT_EQ(result.scan.gaps, 0U);
  EXPECT_THAT(reporter_.problems,
              Contains(AllOf(HasSubstr("tape file 2"), HasSubstr(path_of("b")))));
  EXPECT_EQ(restored("a"), pattern_text(100'000, 1));
  EXPECT_FALSE(latest(path_of("b")));
  EXPECT_EQ(restored("c"), pattern_text(100'000, 3));
}

TEST_F(ScannedTest, BehindADamagedHeaderTheArchiveIsTakenUpAgain) {
  for (int i = 0; i < 400; ++i) {
    write("f" + std::to_string(1000 + i), pattern_text(900, i));
  }
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  flip(files_of("archive", shelf_).front(), 200'000);
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.gaps, 1U);
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("nobody can tell which names")));
  std::size_t there = 0;
  for (int i = 0; i < 400; ++i) {
    there += latest(path_of("f" + std::to_string(1000 + i))) ? 1 : 0;
  }
  // A chunk of 64 KiB holds some thirty of them.
  EXPECT_GE(there, 360U);
  EXPECT_LT(there, 400U);
  EXPECT_EQ(restored("f1399"), pattern_text(900, 399));
  EXPECT_EQ(restored("f1000"), pattern_text(900, 0));
}

// Files out of packages and archives have such times: all that is said of them fits into a plain
// header.
TEST_F(ScannedTest, BehindADamagedHeaderFilesOfWholeSecondsAreTakenUpToo) {
  for (int i = 0; i < 400; ++i) {
    const std::string name = "f" + std::to_string(1000 + i);
    write(name, pattern_text(900, i));
    fs::last_write_time(source(name), fs::file_time_type(std::chrono::floor<std::chrono::seconds>(
                                          fs::last_write_time(source(name)).time_since_epoch())));
  }
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  flip(files_of("archive", shelf_).front(), 200'000);
  (void)scan();
  std::size_t there = 0;
  for (int i = 0; i < 400; ++i) {
    there += latest(path_of("f" + std::to_string(1000 + i))) ? 1 : 0;
  }
  EXPECT_GE(there, 350U) << "a chunk of 64 KiB holds some forty of them";
  EXPECT_LT(there, 400U);
  EXPECT_EQ(restored("f1399"), pattern_text(900, 399));
}

TEST_F(ScannedTest, AnArchiveWithoutItsEndDoesNotCount) {
  write("a", "first");
  back_up();
  write("b", pattern_text(500'000, 1));
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  const fs::path last = files_of("archive", shelf_).back();
  fs::resize_file(last, fs::file_size(last) - kRecord);
  const RecoverResult result = scan();
  EXPECT_EQ(result.scan.archives, 1U);
  EXPECT_TRUE(latest(path_of("a")));
  EXPECT_FALSE(latest(path_of("b")));
  EXPECT_THAT(reporter_.notes, Contains(HasSubstr("was not finished")));
}

TEST_F(ScannedTest, AnIdentityThatOpensNothingLeavesNoHome) {
  write("a", "first");
  back_up();
  lose_home();
  fs::remove(paper_);
  format::write_identity_file(paper_, format::Identity::generate(), "another drawer's");
  EXPECT_EQ(test::error_of([&] { return scan(); }), ErrorCode::not_permitted);
  EXPECT_FALSE(fs::exists(home()));
}

TEST_F(ScannedTest, TheNextBackupFindsWhatWasScannedUnchanged) {
  write_all_kinds();
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  (void)scan();
  const BackupResult result = back_up();
  EXPECT_EQ(result.recorded.changed, 0U);
  EXPECT_EQ(result.recorded.contents, 0U);
  EXPECT_EQ(versions_of("a"), 1U);
}

TEST_F(ScannedTest, AScanThatIsStoppedLeavesNothingHalf) {
  write("a", pattern_text(500'000, 1));
  back_up();
  lose_home();
  spoil_indexes(shelf_);
  reporter_.on_progress = [&] { reporter_.stopping.request_stop(); };
  EXPECT_EQ(test::error_of([&] { return scan(); }), ErrorCode::cancelled);
  EXPECT_FALSE(fs::exists(home() / "catalog.db"));
}

}  // namespace
}  // namespace mixtape::service
