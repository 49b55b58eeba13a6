// SPDX-License-Identifier: Apache-2.0
#include "engine/service/release.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/service/media_state.h"
#include "tapeio/error.h"
#include "tests/service/release_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// Which source files may go, and all the ways in which one must not.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// --- What may go

TEST_F(ReleaseTest, VerifiedFilesAreListedAndStayUntilToldOtherwise) {
  verify_all();
  const ReleaseResult listed = release_all(/*remove=*/false);
  EXPECT_THAT(names(listed.released), ElementsAre("a", "b", "c"));
  EXPECT_EQ(listed.bytes, 22U);
  EXPECT_GT(listed.freed_bytes, 0U);
  EXPECT_TRUE(is_here("a"));
  const ReleaseResult done = release_all();
  EXPECT_EQ(done.freed_bytes, listed.freed_bytes);
  EXPECT_THAT(done.refused, IsEmpty());
  EXPECT_FALSE(is_here("a"));
  EXPECT_FALSE(is_here("dir/c"));
  EXPECT_EQ(release_all().absent, 3U);
}

TEST_F(ReleaseTest, WhatWasNeverBackedUpIsNamedAndStays) {
  verify_all();
  write("dir/precious", "written since");
  const ReleaseResult done = release_all();
  EXPECT_THAT(names(done.released), ElementsAre("a", "b", "c"));
  EXPECT_THAT(done.refused, ElementsAre(Field(&RefusedFile::why, HasSubstr("never backed up"))));
  EXPECT_TRUE(is_here("dir/precious"));
}

TEST_F(ReleaseTest, WhatWasReleasedStaysInLatestWhateverTheNextScansFind) {
  write("gone", "deleted by hand");
  (void)back_up();
  verify_all();
  (void)release(context(), {.paths = {source("a"), source("dir")}, .remove = true}, reporter_);
  remove("gone");
  reopen();
  (void)back_up();
  EXPECT_TRUE(latest(path_of("a")));
  EXPECT_TRUE(latest(path_of("dir/c")));
  EXPECT_FALSE(latest(path_of("gone")));
  remove("dir");
  (void)back_up();
  EXPECT_TRUE(latest(path_of("dir/c")));
  EXPECT_TRUE(latest(path_of("dir")));
  const auto directory = context().tree.find_path(path_of("dir")).value();
  std::vector<std::string> children;
  context().tree.list({}, directory, [&](const catalog::Entry& entry) {
    children.push_back(entry.name);
    return true;
  });
  EXPECT_THAT(children, ElementsAre("c"));
  EXPECT_FALSE(back_up().job) << "nothing is new the next time";
}

TEST_F(ReleaseTest, WhatIsStagedBelowADirectoryKeepsItAsWell) {
  stage(path_of("dir/staged"), "delta");
  (void)flush_now();
  remove("dir");
  (void)back_up();
  EXPECT_FALSE(latest(path_of("dir/c")));
  EXPECT_TRUE(latest(path_of("dir/staged")));
  EXPECT_TRUE(latest(path_of("dir")));
}

TEST_F(ReleaseTest, OfAFileWithSeveralNamesTheDiskGetsNothingBackUntilTheLastGoes) {
  fs::create_hard_link(source("a"), source("link"));
  (void)back_up();
  verify_all();
  const ReleaseResult one =
      release(context(), {.paths = {source("a")}, .remove = false}, reporter_);
  EXPECT_THAT(one.released, SizeIs(1));
  EXPECT_EQ(one.freed_bytes, 0U);
  const ReleaseResult both =
      release(context(), {.paths = {source("a"), source("link")}, .remove = true}, reporter_);
  EXPECT_THAT(both.refused, IsEmpty());
  EXPECT_THAT(both.released, SizeIs(2));
  EXPECT_GT(both.freed_bytes, 0U);
  EXPECT_FALSE(is_here("a"));
  EXPECT_FALSE(is_here("link"));
}

// --- Copies that are not enough

TEST_F(ReleaseTest, UnverifiedCopiesAreNotEnough) {
  const ReleaseResult result = release_all();
  EXPECT_THAT(result.released, IsEmpty());
  ASSERT_THAT(result.refused, SizeIs(3));
  EXPECT_THAT(result.refused[0].why, HasSubstr("not verified yet: MX0001"));
  EXPECT_TRUE(is_here("a"));
}

TEST_F(ReleaseTest, CopiesOnRetiredOrLostMediaAreNotEnough) {
  verify_all();
  for (const auto change : {retire_medium, lose_medium}) {
    (void)change(context(), "MX0001", false);
    EXPECT_THAT(release_all().released, IsEmpty());
  }
  (void)find_medium(context(), "MX0001");
  EXPECT_THAT(release_all().released, IsEmpty()) << "nobody has seen it since";
}

TEST_F(ReleaseTest, ADamagedCopyIsNotEnough) {
  verify_all();
  context().ledger.mark_damaged(latest(path_of("b")).value().content.value(),
                                context().ledger.bundles(catalog::MediumId{1}).at(0).id, now_s_,
                                "it is damaged");
  EXPECT_THAT(why_one_stays("b"), HasSubstr("0 of the 1 copies"));
}

TEST_F(ReleaseTest, TwoMediaOnOneDiskAreOneCopy) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  (void)find_medium(context(), "MX0001");
  verify_all();
  configure("copies = 2\n");
  reopen();
  const ReleaseResult result = release_all();
  EXPECT_THAT(result.released, IsEmpty());
  ASSERT_FALSE(result.refused.empty());
  EXPECT_THAT(result.refused[0].why, HasSubstr("1 of the 2 copies"));
}

TEST_F(ReleaseTest, MediaThatAreAwayMayLieOnOneDiskAndAreOneCopy) {
  (void)retire_medium(context(), "MX0001");
  (void)back_up();
  (void)find_medium(context(), "MX0001");
  verify_all();
  configure("copies = 2\nlibraries = []\n");
  reopen();
  const ReleaseResult result = release_all();
  EXPECT_THAT(result.released, IsEmpty());
  ASSERT_FALSE(result.refused.empty());
  EXPECT_THAT(result.refused[0].why, HasSubstr("1 of the 2 copies"));
}

// --- Files that are not what was backed up

TEST_F(ReleaseTest, AChangedFileStays) {
  verify_all();
  write("b", "beta, but longer than before");
  EXPECT_THAT(why_one_stays("b"), HasSubstr("another size"));
}

TEST_F(ReleaseTest, AFileWithAnotherTimeStays) {
  verify_all();
  fs::last_write_time(source("b"), fs::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_THAT(why_one_stays("b"), HasSubstr("changed since"));
}

TEST_F(ReleaseTest, AFileWithAnotherModeStays) {
  verify_all();
  ASSERT_EQ(::chmod(source("b").c_str(), 0600), 0);
  EXPECT_THAT(why_one_stays("b"), HasSubstr("mode, owner or attributes"));
  (void)back_up();
  EXPECT_THAT(names(release_all().released), ElementsAre("b"));
}

TEST_F(ReleaseTest, AFileWithAnotherOwnerStays) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root gives files away";
  }
  verify_all();
  ASSERT_EQ(::chown(source("b").c_str(), 1, ::getegid()), 0);
  ASSERT_EQ(::chown(source("dir/c").c_str(), ::geteuid(), 1), 0);
  EXPECT_THAT(release_all().refused,
              ElementsAre(Field(&RefusedFile::why, HasSubstr("mode, owner or attributes")),
                          Field(&RefusedFile::why, HasSubstr("mode, owner or attributes"))));
}

TEST_F(ReleaseTest, AFileWithOtherAttributesStays) {
  if (::setxattr(source("a").c_str(), "user.kept", "1", 1, 0) != 0) {
    GTEST_SKIP() << "no attributes on this file system";
  }
  (void)back_up();
  verify_all();
  ASSERT_EQ(::setxattr(source("b").c_str(), "user.new", "1", 1, 0), 0);
  EXPECT_THAT(why_one_stays("b"), HasSubstr("mode, owner or attributes"));
  EXPECT_FALSE(is_here("a")) << "its attributes are those that were backed up";
}

TEST_F(ReleaseTest, AFileThatOnlyLooksUnchangedStays) {
  verify_all();
  change_secretly("b");
  EXPECT_THAT(why_one_stays("b"), HasSubstr("content is not what was backed up"));
}

TEST_F(ReleaseTest, AFileThatSomebodyHasOpenForWritingStays) {
  verify_all();
  const int fd = ::open(source("b").c_str(), O_WRONLY);
  EXPECT_THAT(why_one_stays("b"), HasSubstr("open for writing"));
  ::close(fd);
}

TEST_F(ReleaseTest, ASymlinkInItsPlaceStaysAndSoDoesWhatItLeadsTo) {
  verify_all();
  fs::rename(source("b"), directory_ / "elsewhere");
  fs::create_symlink(directory_ / "elsewhere", source("b"));
  EXPECT_THAT(why_one_stays("b"), HasSubstr("symlink"));
  EXPECT_TRUE(fs::exists(directory_ / "elsewhere"));
}

TEST_F(ReleaseTest, NoSymlinkIsFollowedOnTheWay) {
  verify_all();
  fs::rename(source("dir"), directory_ / "moved");
  fs::create_symlink(directory_ / "moved", source("dir"));
  EXPECT_THAT(why_one_stays("dir"), HasSubstr("symlink"));
  EXPECT_TRUE(fs::exists(directory_ / "moved/c"));
}

TEST_F(ReleaseTest, WhatANewerBackupHasNotWrittenYetStays) {
  verify_all();
  configure("libraries = []\n");
  reopen();
  write("b", "beta, changed again");
  (void)back_up();
  EXPECT_THAT(why_one_stays("b"), HasSubstr("run `mixtape backup`"));
}

}  // namespace
}  // namespace mixtape::service
