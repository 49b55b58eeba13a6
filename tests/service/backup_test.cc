// SPDX-License-Identifier: Apache-2.0
#include "engine/service/backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include "engine/service/media.h"
#include "engine/service/media_state.h"
#include "tapeio/error.h"
#include "tests/service/bad_sector.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"

namespace mixtape::service {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

using BackupTest = ServiceTest;

TEST_F(BackupTest, WritesEveryFileOnceAndShowsIt) {
  write("a", "first");
  write("d/b", "second");
  write("d/empty", "");
  const BackupResult result = back_up();
  EXPECT_EQ(result.files, 3U);
  EXPECT_EQ(result.bytes, 11U);
  EXPECT_EQ(result.written.files, 2U);
  EXPECT_EQ(result.written.bytes, 11U);
  EXPECT_EQ(result.written.media.size(), 1U);
  ASSERT_TRUE(result.job);
  ASSERT_TRUE(latest(path_of("d/b")));
  EXPECT_TRUE(latest(path_of("d/b"))->written);
  EXPECT_TRUE(latest(path_of("d/b"))->hash);
  EXPECT_TRUE(latest(path_of("d/empty")));
}

TEST_F(BackupTest, ASecondRunWithoutChangesLeavesNoTrace) {
  write("a", "first");
  back_up();
  const std::int64_t jobs = count("job"), bundles = count("bundle");
  reopen();
  const BackupResult again = back_up();
  EXPECT_FALSE(again.job);
  EXPECT_FALSE(again.recorded.anything());
  EXPECT_THAT(again.written.media, IsEmpty());
  EXPECT_EQ(count("job"), jobs);
  EXPECT_EQ(count("bundle"), bundles);
}

TEST_F(BackupTest, RenamesAndCopiesCostNoTapeButTheStateReachesAMedium) {
  write("a", "the same words");
  write("b", "other words");
  back_up();
  const std::int64_t bundles = count("bundle");
  std::filesystem::rename(source("a"), source("moved"));
  write("copy", "the same words");
  const BackupResult result = back_up();
  EXPECT_EQ(result.recorded.duplicates, 2U);
  EXPECT_EQ(result.recorded.ended, 1U);
  EXPECT_EQ(result.written.files, 0U);
  EXPECT_EQ(result.written.media.size(), 1U);
  EXPECT_EQ(count("bundle"), bundles);
  EXPECT_FALSE(latest(path_of("a")));
  EXPECT_EQ(latest(path_of("moved"))->content, latest(path_of("copy"))->content);
}

// B.1-17: a dry run says the same numbers and changes nothing.
TEST_F(BackupTest, NewsThatNoMediumTellsAreBroughtOntoOneByTheNextRun) {
  write("a", "words");
  write("b", "more");
  back_up();
  reopen();
  std::filesystem::rename(home() / "library", directory_ / "shelf");
  remove("b");
  ASSERT_TRUE(back_up().job);
  EXPECT_THAT(reporter_.problems, testing::Contains(testing::HasSubstr("no medium carries")));
  reopen();
  std::filesystem::rename(directory_ / "shelf", home() / "library");
  const BackupResult next = back_up();
  EXPECT_FALSE(next.job);
  EXPECT_EQ(next.written.media.size(), 1U);
  EXPECT_TRUE(back_up().written.media.empty());
}

TEST_F(BackupTest, ADryRunTellsTheSameNumbersAndChangesNothing) {
  write("a", "first");
  write("b", "fifth");
  write("d/c", "another");
  BackupRequest dry = request();
  dry.dry_run = true;
  const BackupResult told = backup(context(), dry, reporter_);
  EXPECT_FALSE(told.job);
  EXPECT_EQ(count("job"), 0);
  EXPECT_EQ(count("version"), 0);
  const BackupResult done = back_up();
  EXPECT_EQ(told.files, done.files);
  EXPECT_EQ(told.recorded.fresh, done.recorded.fresh);
  EXPECT_EQ(told.recorded.contents, done.recorded.contents);
  EXPECT_EQ(told.written.files, done.written.files);
  EXPECT_EQ(told.written.bytes, done.written.bytes);
}

// S-01: nothing is changed when a root is not there.
TEST_F(BackupTest, AMissingRootChangesNothing) {
  write("a", "first");
  BackupRequest wrong = request();
  wrong.roots.push_back(source("missing"));
  EXPECT_EQ(test::error_of([&] { return backup(context(), wrong, reporter_); }),
            ErrorCode::not_found);
  EXPECT_EQ(count("version"), 0);
  EXPECT_EQ(count("job"), 0);
}

TEST_F(BackupTest, AStoppedBackupIsFinishedByTheNextOne) {
  write("a", "first");
  reporter_.stopping.request_stop();
  EXPECT_EQ(test::error_of([&] { return back_up(); }), ErrorCode::cancelled);
  reporter_.stopping = {};
  reopen();
  EXPECT_EQ(back_up().written.files, 1U);
}

TEST_F(BackupTest, RulesOfTheConfigurationAndOfTheCommandAddUp) {
  configure("exclude = [\"**/*.tmp\"]\n");
  write("a.tmp", "1");
  write("b.bak", "2");
  write("c", "3");
  BackupRequest asked = request();
  asked.exclude = {"**/*.bak"};
  (void)backup(context(), asked, reporter_);
  EXPECT_FALSE(latest(path_of("a.tmp")));
  EXPECT_FALSE(latest(path_of("b.bak")));
  EXPECT_TRUE(latest(path_of("c")));
  EXPECT_THAT(explain_backup(context(), asked, source("x/a.tmp")), HasSubstr("exclude '**/*.tmp'"));
}

TEST_F(BackupTest, MixtapesHomeIsNeverBackedUp) {
  write("a", "1");
  BackupRequest whole = request();
  whole.roots = {source().parent_path()};
  (void)backup(context(), whole, reporter_);
  EXPECT_TRUE(latest(path_of("a")));
  EXPECT_FALSE(latest(home().relative_path().string()));
  EXPECT_THAT(reporter_.notes, Contains(HasSubstr("Mixtape's home")));
}

TEST_F(BackupTest, WhatARetiredMediumHeldIsWrittenAgainFromItsSource) {
  write("a", "first");
  write("gone", "second and longer");
  const BackupResult first = back_up();
  retire_medium(context(), first.written.media.at(0).label);
  remove("gone");
  const BackupResult second = back_up();
  EXPECT_EQ(second.written.files, 1U);
  ASSERT_EQ(second.written.media.size(), 1U);
  EXPECT_NE(second.written.media[0].label, first.written.media[0].label);
}

TEST_F(BackupTest, WhatIsWantedButNotHereIsCounted) {
  write("a", "first");
  const BackupResult first = back_up();
  retire_medium(context(), first.written.media.at(0).label);
  BackupRequest elsewhere = request();
  write("other/b", "another");
  elsewhere.roots = {source("other")};
  remove("a");
  EXPECT_EQ(backup(context(), elsewhere, reporter_).out_of_reach, 1U);
}

TEST_F(BackupTest, WhatIsHereUnderAnotherNameIsNotOutOfReach) {
  write("a", "the same");
  write("other/b", "the same");
  const BackupResult first = back_up();
  retire_medium(context(), first.written.media.at(0).label);
  BackupRequest elsewhere = request();
  elsewhere.roots = {source("other")};
  remove("a");
  const BackupResult second = backup(context(), elsewhere, reporter_);
  EXPECT_EQ(second.written.files, 1U);
  EXPECT_EQ(second.out_of_reach, 0U);
  EXPECT_THAT(second.out_of_reach_paths, IsEmpty());
}

TEST_F(BackupTest, AFileOnADyingDiskTakesRoomOnAMediumOnceAndIsNamedByEveryRun) {
  write("a", "first");
  write("dying", "and this cannot be read");
  const test::BadSector bad(source("dying"));
  const BackupResult first = back_up();
  ASSERT_EQ(first.written.bad.size(), 1U);
  EXPECT_EQ(first.written.bad[0].path, path_of("dying"));
  const std::int64_t bundles = count("bundle");
  reopen();
  const BackupResult again = back_up();
  EXPECT_EQ(count("bundle"), bundles);
  EXPECT_FALSE(again.job);
  EXPECT_EQ(again.trouble_count, 1U);
  EXPECT_THAT(again.written.bad, IsEmpty());
  EXPECT_THAT(reporter_.problems,
              Contains("read " + source("dying").string() + ": Input/output error").Times(1));
}

TEST_F(BackupTest, AFileThatWasRepairedSinceIsWrittenByTheNextRun) {
  write("dying", "and this cannot be read");
  {
    const test::BadSector bad(source("dying"));
    ASSERT_EQ(back_up().written.bad.size(), 1U);
  }
  reopen();
  EXPECT_EQ(back_up().written.files, 1U);
  EXPECT_TRUE(latest(path_of("dying"))->hash);
}

TEST_F(BackupTest, AFileThatMayNotBeOpenedAnyMoreIsNamedAndGetsNoPlaceInAnArchive) {
  configure("libraries = []\n");
  write("secret", "nobody may read this");
  EXPECT_EQ(back_up().written.no_room.size(), 1U);
  reopen();
  configure("");
  ASSERT_EQ(::chmod(source("secret").c_str(), 0), 0);
  BackupResult again;
  as_nobody([&] { again = back_up(); });
  EXPECT_EQ(again.trouble_count, 1U);
  EXPECT_THAT(again.written.bad, IsEmpty());
  EXPECT_EQ(count("bundle"), 0);
  EXPECT_THAT(reporter_.problems, Contains(HasSubstr("secret: Permission denied")).Times(1));
}

// What a run does that finds nothing new and a medium that an earlier one left open.
class OpenEndTest : public ServiceTest {
 protected:
  OpenEndTest() {
    write("a", "first");
    EXPECT_EQ(back_up().written.media.at(0).label, "MX0001");
    context().ledger.set_open_end(context().ledger.medium("MX0001")->id, true);
    std::filesystem::remove(closing_index());
    reopen();
  }
  [[nodiscard]] std::filesystem::path closing_index() const {
    return home() / "library/MX0001/0003.index.sqlite.age";
  }
};

TEST_F(OpenEndTest, ABackupWithoutNewsWritesTheClosingIndex) {
  EXPECT_FALSE(back_up().job);
  EXPECT_TRUE(std::filesystem::exists(closing_index()));
  EXPECT_THAT(reporter_.notes, Contains(HasSubstr("MX0001: an earlier run")));
  reporter_.notes.clear();
  (void)back_up();
  EXPECT_THAT(reporter_.notes, IsEmpty());
}

TEST_F(OpenEndTest, AFlushOfNothingWritesTheClosingIndex) {
  EXPECT_FALSE(flush_now().job);
  EXPECT_TRUE(std::filesystem::exists(closing_index()));
}

TEST_F(OpenEndTest, AMediumThatIsFullGetsItToo) {
  context().ledger.set_medium_state(context().ledger.medium("MX0001")->id,
                                    catalog::MediumState::full);
  (void)back_up();
  EXPECT_TRUE(std::filesystem::exists(closing_index()));
}

// Two copies are asked for, and one disk can only ever hold one.
TEST_F(BackupTest, CopiesThatNoMediumCanTakeDoNotMakeAJobOfEveryRun) {
  configure("copies = 2\n");
  write("a", "first");
  const BackupResult first = back_up();
  EXPECT_EQ(first.written.files, 1U);
  EXPECT_THAT(first.written.no_room, Contains(path_of("a")));
  const std::int64_t jobs = count("job");
  const BackupResult again = back_up();
  EXPECT_FALSE(again.job);
  EXPECT_EQ(count("job"), jobs);
  EXPECT_THAT(again.written.no_room, Contains(path_of("a")));
}

}  // namespace
}  // namespace mixtape::service
