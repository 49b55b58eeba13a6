// SPDX-License-Identifier: Apache-2.0
#include "engine/staging/staging.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <set>
#include <utility>

#include "engine/staging/directory.h"
#include "tapeio/error.h"
#include "tapeio/unique_fd.h"
#include "tests/staging/staging_fixture.h"

namespace mixtape::staging {
namespace {

using Files = std::map<std::string, std::string>;

class StagingTest : public StagingFixture {
 protected:
  void copy_up(const std::string& path) { staging_->copy_up({path}, Staging::Bytes::keep); }
};

TEST_F(StagingTest, NothingStagedGivesNoSet) {
  EXPECT_FALSE(staging_->take("job1").has_value());
  EXPECT_TRUE(staging_->leftovers().empty());
}

TEST_F(StagingTest, ASetHoldsEveryFileWithItsDirectories) {
  stage("home/me/a.raw", "aaa");
  stage("b", "bb");
  std::filesystem::create_directory(at("empty"));
  const auto set = staging_->take("job1");
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(
      files_below(*set),
      (Files{
          {"b", "bb"}, {"empty/", ""}, {"home/", ""}, {"home/me/", ""}, {"home/me/a.raw", "aaa"}}));
}

TEST_F(StagingTest, ATakenFileStaysReadableUntilItsSetIsCommitted) {
  stage("dir/a", "one");
  ASSERT_TRUE(staging_->take("job1").has_value());
  EXPECT_EQ(text_of(at("dir/a")), "one");
  staging_->commit("job1");
  EXPECT_TRUE(tree().empty());
  EXPECT_TRUE(staging_->leftovers().empty());
}

TEST_F(StagingTest, AFileOpenForWritingIsLeftForTheNextFlush) {
  stage("dir/open", "half");
  stage("dir/closed", "whole");
  const struct stat open = status(at("dir/open"));
  staging_->opened_for_writing(open.st_dev, open.st_ino);
  const auto set = staging_->take("job1");
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(files_below(*set), (Files{{"dir/", ""}, {"dir/closed", "whole"}}));
  staging_->commit("job1");
  EXPECT_EQ(tree(), (Files{{"dir/", ""}, {"dir/open", "half"}}));

  staging_->closed_after_writing(open.st_dev, open.st_ino);
  ASSERT_TRUE(staging_->take("job2").has_value());
  staging_->commit("job2");
  EXPECT_TRUE(tree().empty());
}

TEST_F(StagingTest, ADirectoryWithNothingButOpenFilesIsNotTaken) {
  stage("dir/open", "half");
  const struct stat open = status(at("dir/open"));
  staging_->opened_for_writing(open.st_dev, open.st_ino);
  EXPECT_FALSE(staging_->take("job1").has_value());
}

TEST_F(StagingTest, ASocketIsNotTaken) {
  const tapeio::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", at("sock").c_str());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_FALSE(staging_->take("job1").has_value());
}

TEST_F(StagingTest, DirectoriesKeepTheirMetadataInTheSet) {
  stage("dir/a", "x");
  ASSERT_EQ(::setxattr(at("dir").c_str(), "user.colour", "red", 3, 0), 0);
  ASSERT_EQ(::chmod(at("dir").c_str(), 0751), 0);
  const timespec times[2] = {{1000, 0}, {2000, 123456789}};
  ASSERT_EQ(::utimensat(AT_FDCWD, at("dir").c_str(), times, 0), 0);
  const auto set = staging_->take("job1");
  ASSERT_TRUE(set.has_value());
  const struct stat taken = status(*set / "dir");
  EXPECT_EQ(taken.st_mode & 07777, 0751U);
  EXPECT_EQ(taken.st_mtim.tv_sec, 2000);
  EXPECT_EQ(taken.st_mtim.tv_nsec, 123456789);
  char colour[3];
  EXPECT_EQ(::getxattr((*set / "dir").c_str(), "user.colour", colour, 3), 3);
}

TEST_F(StagingTest, WritingATakenFileChangesACopyAndNotTheSet) {
  stage("a", "old");
  const auto set = staging_->take("job1");
  ASSERT_TRUE(set.has_value());
  const struct stat before = status(at("a"));
  EXPECT_TRUE(staging_->in_set(before.st_dev, before.st_ino));
  copy_up("a");
  const struct stat after = status(at("a"));
  EXPECT_FALSE(staging_->in_set(after.st_dev, after.st_ino));
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(text_of(at("a")), "old");
  stage("a", "new");
  EXPECT_EQ(text_of(*set / "a"), "old");
  staging_->commit("job1");
  EXPECT_EQ(tree(), (Files{{"a", "new"}}));
}

TEST_F(StagingTest, HardLinksOfATakenFileStayTogetherWhenItIsCopied) {
  stage("a", "old");
  std::filesystem::create_hard_link(at("a"), at("b"));
  ASSERT_TRUE(staging_->take("job1").has_value());
  copy_up("b");
  EXPECT_EQ(status(at("a")).st_ino, status(at("b")).st_ino);
  const struct stat after = status(at("a"));
  EXPECT_FALSE(staging_->in_set(after.st_dev, after.st_ino));
}

TEST_F(StagingTest, ACopyKeepsHolesXattrsAndMode) {
  stage("sparse", "head");
  ASSERT_EQ(::truncate(at("sparse").c_str(), 64 << 20), 0);
  ASSERT_EQ(::setxattr(at("sparse").c_str(), "user.colour", "red", 3, 0), 0);
  ASSERT_EQ(::chmod(at("sparse").c_str(), 0640), 0);
  ASSERT_TRUE(staging_->take("job1").has_value());
  copy_up("sparse");
  const struct stat after = status(at("sparse"));
  EXPECT_EQ(after.st_size, 64 << 20);
  EXPECT_LT(after.st_blocks * 512, 1 << 20);
  EXPECT_EQ(after.st_mode & 07777, 0640U);
  char colour[3];
  EXPECT_EQ(::getxattr(at("sparse").c_str(), "user.colour", colour, 3), 3);
}

TEST_F(StagingTest, ASymlinkIsTakenAsItself) {
  ASSERT_EQ(::symlink("/nowhere", at("link").c_str()), 0);
  const auto set = staging_->take("job1");
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(std::filesystem::read_symlink(*set / "link"), "/nowhere");
  copy_up("link");
  EXPECT_NE(status(at("link")).st_ino, status(*set / "link").st_ino);
  EXPECT_EQ(std::filesystem::read_symlink(at("link")), "/nowhere");
}

TEST_F(StagingTest, CommitLeavesWhatCameUnderTheSameNameMeanwhile) {
  stage("dir/a", "old");
  ASSERT_TRUE(staging_->take("job1").has_value());
  std::filesystem::remove(at("dir/a"));
  stage("dir/a", "new");
  stage("dir/b", "more");
  staging_->commit("job1");
  EXPECT_EQ(tree(), (Files{{"dir/", ""}, {"dir/a", "new"}, {"dir/b", "more"}}));
}

TEST_F(StagingTest, GivingBackLeavesEverythingStaged) {
  stage("dir/a", "one");
  ASSERT_TRUE(staging_->take("job1").has_value());
  staging_->give_back("job1");
  EXPECT_EQ(tree(), (Files{{"dir/", ""}, {"dir/a", "one"}}));
  const struct stat now = status(at("dir/a"));
  EXPECT_FALSE(staging_->in_set(now.st_dev, now.st_ino));
  EXPECT_EQ(now.st_nlink, 1U);
  EXPECT_TRUE(staging_->leftovers().empty());
}

TEST_F(StagingTest, GivingBackKeepsWhatWasStagedAnew) {
  stage("a", "old");
  ASSERT_TRUE(staging_->take("job1").has_value());
  copy_up("a");
  stage("a", "new");
  staging_->give_back("job1");
  EXPECT_EQ(tree(), (Files{{"a", "new"}}));
}

TEST_F(StagingTest, TwoSetsOfOneTreeCommitIndependently) {
  stage("a", "1");
  ASSERT_TRUE(staging_->take("job1").has_value());
  stage("b", "2");
  ASSERT_TRUE(staging_->take("job2").has_value());
  staging_->commit("job1");
  EXPECT_EQ(tree(), (Files{{"b", "2"}}));
  staging_->commit("job2");
  EXPECT_TRUE(tree().empty());
}

TEST_F(StagingTest, SetNamesCannotLeaveTheirDirectory) {
  for (const char* name : {"", "..", "a/b", "x.committed", "x.taking"}) {
    EXPECT_THROW((void)staging_->take(name), Error) << name;
  }
}

TEST_F(StagingTest, ASetNameIsUsedOnce) {
  stage("a", "1");
  ASSERT_TRUE(staging_->take("job1").has_value());
  EXPECT_THROW((void)staging_->take("job1"), Error);
}

TEST_F(StagingTest, AnUnknownSetCanNeitherBeCommittedNorGivenBack) {
  EXPECT_THROW(staging_->commit("job9"), Error);
  EXPECT_THROW(staging_->give_back("job9"), Error);
}

TEST_F(StagingTest, AReopenedStagingStillProtectsTheFilesOfItsSets) {
  stage("a", "1");
  std::filesystem::create_hard_link(at("a"), at("b"));
  ASSERT_TRUE(staging_->take("job1").has_value());
  reopen();
  const struct stat now = status(at("a"));
  EXPECT_TRUE(staging_->in_set(now.st_dev, now.st_ino));
  copy_up("a");
  EXPECT_EQ(status(at("a")).st_ino, status(at("b")).st_ino);
}

// As every command opens it, also while a daemon works on it.
TEST_F(StagingTest, OpeningItElsewhereDisturbsNeitherTakingNorCopying) {
  int opened = 0;
  reopen([&] {
    const Staging elsewhere(root_ / "staging");
    ++opened;
  });
  stage("dir/a", "old");
  const auto set = staging_->take("job1");
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(files_below(*set), (Files{{"dir/", ""}, {"dir/a", "old"}}));
  copy_up("dir/a");
  stage("dir/a", "new");
  EXPECT_EQ(text_of(*set / "dir/a"), "old");
  staging_->commit("job1");
  EXPECT_EQ(tree(), (Files{{"dir/", ""}, {"dir/a", "new"}}));
  EXPECT_GT(opened, 5);
}

// A copy is under way when its set ends, and somebody writes the file that is in no set any more.
class LateCopyTest : public StagingTest {
 protected:
  void copy_up_while(const std::function<void()>& meanwhile) {
    bool copying = false;
    reopen([&] {
      if (std::exchange(copying, false)) {
        meanwhile();
      }
    });
    stage("a", "old");
    ASSERT_TRUE(staging_->take("job1"));
    copying = true;
    staging_->copy_up({"a"}, Staging::Bytes::drop,
                      [](Inode, Inode) { FAIL() << "an old copy took the name"; });
    EXPECT_EQ(text_of(at("a")), "written since");
    EXPECT_TRUE(std::filesystem::is_empty(root_ / "staging/copying"));
    reopen();
  }
  void write_in_between() {
    staging_->give_back("job1");
    stage("a", "written since");
  }
};

TEST_F(LateCopyTest, DoesNotTakeTheNameOfWhatWasWrittenSince) {
  copy_up_while([this] { write_in_between(); });
}

TEST_F(LateCopyTest, TakesASecondSetOfTheSameNameForAnotherOne) {
  copy_up_while([this] {
    write_in_between();
    ASSERT_TRUE(staging_->take("job1"));
  });
}

// Every change fails once, as on a full disk.
class FailingDiskTest : public StagingTest {
 protected:
  bool fails_at(int change, const std::function<void()>& operation) {
    left_ = change;
    try {
      operation();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::no_space);
      return true;
    }
    left_ = -1;
    return false;
  }
  void prepare() {
    staging_.reset();
    std::filesystem::remove_all(root_ / "staging");
    reopen([this] {
      if (left_ >= 0 && left_-- == 0) {
        throw Error(ErrorCode::no_space, "the disk is full");
      }
    });
    stage("dir/a", "one");
    stage("dir/deep/b", "two");
    std::filesystem::create_hard_link(at("dir/a"), at("c"));
  }
  [[nodiscard]] bool nothing_in(const char* directory) const {
    return std::filesystem::is_empty(root_ / "staging" / directory);
  }

  const Files all_{
      {"c", "one"}, {"dir/", ""}, {"dir/a", "one"}, {"dir/deep/", ""}, {"dir/deep/b", "two"}};
  int left_ = -1;
};

TEST_F(FailingDiskTest, ATakeThatFailsLeavesNothingBehind) {
  int change = 0;
  for (prepare(); fails_at(change, [&] { (void)staging_->take("job1"); }); prepare()) {
    SCOPED_TRACE(change);
    ASSERT_LT(++change, 100);
    EXPECT_TRUE(nothing_in("flushing"));
    EXPECT_EQ(tree(), all_);
    const struct stat now = status(at("c"));
    EXPECT_EQ(now.st_nlink, 2U);
    EXPECT_FALSE(staging_->in_set(now.st_dev, now.st_ino));
  }
  EXPECT_GT(change, 5);
}

TEST_F(FailingDiskTest, ACopyThatFailsLeavesNothingBehind) {
  const auto prepare_set = [this] {
    prepare();
    EXPECT_TRUE(staging_->take("job1"));
  };
  int change = 0;
  for (prepare_set(); fails_at(change, [&] { copy_up("c"); }); prepare_set()) {
    SCOPED_TRACE(change);
    ASSERT_LT(++change, 100);
    EXPECT_TRUE(nothing_in("copying"));
    EXPECT_EQ(tree(), all_);
    EXPECT_EQ(files_below(root_ / "staging/flushing/job1"), all_);
  }
  EXPECT_GT(change, 1);
}

// The kernel gives names in no order: whichever directory comes first vanishes.
TEST_F(StagingTest, AWalkGoesOnPastADirectoryThatVanishes) {
  for (const char* path : {"a/file", "b/file", "c/file"}) {
    stage(path, "1");
  }
  std::vector<std::string> seen;
  each_below(open_directory(at("")).get(), [&](const std::string& path) {
    seen.push_back(path);
    if (seen.size() == 1) {
      std::filesystem::remove_all(at(path));
    }
  });
  ASSERT_FALSE(seen.empty());
  std::set<std::string> wanted{"a", "b", "c", "a/file", "b/file", "c/file"};
  wanted.erase(seen.front() + "/file");
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()), wanted);
}

TEST_F(StagingTest, UsageCountsFilesAndTheirBytes) {
  stage("dir/a", "123");
  stage("b", "4567");
  const Staging::Usage usage = staging_->usage();
  EXPECT_EQ(usage.files, 2U);
  EXPECT_EQ(usage.bytes, 7U);
}

}  // namespace
}  // namespace mixtape::staging
