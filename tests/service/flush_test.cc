// SPDX-License-Identifier: Apache-2.0
#include "engine/service/flush.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <thread>

#include "engine/service/recall_service.h"
#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tests/service/service_fixture.h"
#include "tests/support/plain_user.h"

namespace mixtape::service {
namespace {

class FlushTest : public ServiceTest {
 protected:
  bool staged(std::string_view path) { return std::filesystem::exists(staging().tree() / path); }
  static struct stat status_of(const std::filesystem::path& file) {
    struct stat status {};
    EXPECT_EQ(::lstat(file.c_str(), &status), 0) << file;
    return status;
  }
  bool nothing_staged() { return std::filesystem::is_empty(staging().tree()); }
};

TEST_F(FlushTest, WhatWasStagedIsOnAMediumAndInLatestAndNoLongerStaged) {
  stage("home/me/a", "first");
  stage("home/me/d/b", "second");
  const FlushResult result = flush_now();
  EXPECT_EQ(result.files, 2U);
  EXPECT_EQ(result.written.files, 2U);
  EXPECT_FALSE(result.still_staged);
  ASSERT_TRUE(latest("home/me/d/b"));
  EXPECT_EQ(latest("home/me/d/b")->size, 6U);
  EXPECT_EQ(latest("home/me/d/b")->origin, catalog::kStagingRoot);
  EXPECT_TRUE(nothing_staged());
}

TEST_F(FlushTest, WithoutStagedFilesThereIsNoJob) {
  EXPECT_FALSE(flush_now().job);
  EXPECT_EQ(count("job"), 0);
}

TEST_F(FlushTest, AStagedFileIsTheNextVersionOfItsPath) {
  write("a", "from disk");
  back_up();
  stage(path_of("a"), "staged");
  (void)flush_now();
  EXPECT_EQ(latest(path_of("a"))->size, 6U);
  EXPECT_EQ(context().tree.history(latest(path_of("a"))->key.path).size(), 2U);
  // The file on disk has nothing newer to say, and what was staged is not ended by a scan.
  stage(path_of("only-staged"), "kept");
  (void)flush_now();
  EXPECT_FALSE(back_up().job);
  EXPECT_EQ(latest(path_of("a"))->size, 6U);
  EXPECT_TRUE(latest(path_of("only-staged")));
}

TEST_F(FlushTest, ADirectoryThatIsThereKeepsItsMetadata) {
  write("d/a", "from disk");
  ASSERT_EQ(chmod(source("d").c_str(), 0700), 0);
  back_up();
  stage(path_of("d/b"), "staged");
  (void)flush_now();
  EXPECT_EQ(latest(path_of("d"))->metadata.mode & 07777, 0700U);
}

TEST_F(FlushTest, AFileOpenForWritingStaysForTheNextFlush) {
  stage("a", "done");
  stage("b", "half");
  struct stat open_file {};
  ASSERT_EQ(stat((staging().tree() / "b").c_str(), &open_file), 0);
  {
    const auto names = staging().hold_names();
    staging().opened_for_writing(open_file.st_dev, open_file.st_ino);
  }
  const FlushResult first = flush_now();
  EXPECT_EQ(first.written.files, 1U);
  EXPECT_EQ(first.left_open.files, 1U);
  EXPECT_EQ(first.left_open.first, std::vector<std::string>{"b"});
  const FlushResult nothing_else = flush_now();
  EXPECT_FALSE(nothing_else.job);
  EXPECT_EQ(nothing_else.left_open.files, 1U);
  EXPECT_TRUE(staged("b"));
  EXPECT_FALSE(latest("b"));
  {
    const auto names = staging().hold_names();
    staging().closed_after_writing(open_file.st_dev, open_file.st_ino);
  }
  const FlushResult last = flush_now();
  EXPECT_EQ(last.written.files, 1U);
  EXPECT_EQ(last.left_open.files, 0U);
  EXPECT_TRUE(nothing_staged());
}

TEST_F(FlushTest, AStagedDuplicateLeavesStagingWithoutCostingTape) {
  write("a", "the same words");
  write("b", "other words!!!");
  back_up();
  stage("elsewhere/copy", "the same words");
  const FlushResult result = flush_now();
  EXPECT_EQ(result.written.files, 0U);
  EXPECT_TRUE(result.job);
  EXPECT_TRUE(nothing_staged());
  EXPECT_EQ(latest("elsewhere/copy")->content, latest(path_of("a"))->content);
}

TEST_F(FlushTest, BytesOnTooFewMediaStayPinnedUntilAnotherHasThem) {
  configure("copies = 2\n");
  stage("a", "wanted twice");
  const FlushResult result = flush_now();
  EXPECT_EQ(result.pinned_files, 1U);
  EXPECT_TRUE(nothing_staged());
  EXPECT_TRUE(context().workspace.cache().contains(to_content(*latest("a"))));
  EXPECT_EQ(context().workspace.cache().usage().pinned_bytes, 12U);
  back_up();
  EXPECT_EQ(context().workspace.cache().usage().pinned_bytes, 12U);

  reopen();
  const test::TempDir other_disk(test::TempDir::Place::memory);
  configure("copies = 2\nlibraries = ['dir:library', 'dir:" + other_disk.path().string() + "']\n");
  tapeio::open_library("dir:" + other_disk.path().string())->add_medium("MX0009", 16 * MiB);
  EXPECT_EQ(back_up().written.files, 1U);
  EXPECT_EQ(context().workspace.cache().usage().pinned_bytes, 0U);
}

TEST_F(FlushTest, BytesThatNobodyWantsAnyMoreArePinnedNoMore) {
  configure("copies = 2\n");
  stage("a", "first words");
  (void)flush_now();
  stage("a", "other words, and more");
  (void)flush_now();
  EXPECT_EQ(context().workspace.cache().usage().pinned_bytes, 21U);
}

// An entry of the cache that shares its bytes with a staged file would change with it.
TEST_F(FlushTest, AFileRenamedDuringItsFlushCannotChangeWhatIsPinned) {
  configure("copies = 2\n");
  stage("a", "wanted twice");
  reporter_.on_progress = [this] {
    const auto names = staging().hold_names_alone();
    if (staged("a")) {
      std::filesystem::rename(staging().tree() / "a", staging().tree() / "b");
    }
  };
  EXPECT_EQ(flush_now().pinned_files, 1U);
  ASSERT_TRUE(staged("b"));
  stage("b", "other bytes.");
  EXPECT_EQ(cached(*latest("a")), "wanted twice");
}

TEST_F(FlushTest, WhatIsEditedRemovedOrRenamedMeanwhileDoesNotStopIt) {
  for (const char* name : {"edited", "removed", "renamed", "left"}) {
    stage(name, std::string("words of ") + name);
  }
  // The twins are hashed before they are written; the other, whose size is its own, is not.
  stage("twin", "words of renaMed");
  stage("alone", "words of one without a twin");
  const auto left = status_of(staging().tree() / "left");
  bool edited = false;
  // As somebody does it through the mount, from the moment that the set has everything.
  std::jthread user([&](const std::stop_token& done) {
    const auto rename = [&](const std::string& from, const std::string& to) {
      const auto names = staging().hold_names_alone();
      std::error_code gone;
      std::filesystem::rename(staging().tree() / from, staging().tree() / to, gone);
    };
    while (!done.stop_requested()) {
      if (!staging().in_set(left.st_dev, left.st_ino)) {
        continue;
      }
      staging().copy_up({"edited"}, staging::Staging::Bytes::drop, [&](auto, auto) {
        stage("edited", "second thoughts");
        std::filesystem::remove(staging().tree() / "removed");
        edited = true;
      });
      for (const std::string name : {"renamed", "twin", "alone"}) {
        rename(name, name + " anew");  // Its ctime changes each time.
        rename(name + " anew", name);
      }
    }
  });
  const FlushResult result = flush_now();
  user.request_stop();
  user.join();
  EXPECT_TRUE(edited);
  EXPECT_FALSE(result.still_staged);
  EXPECT_EQ(result.written.files, 6U);
  EXPECT_FALSE(staged("left"));
  EXPECT_EQ(latest("edited")->size, std::string("words of edited").size());
  EXPECT_EQ(test::read_text(staging().tree() / "edited"), "second thoughts");
  EXPECT_TRUE(latest("removed"));
}

// A crash after a set was marked as committed leaves it to the next flush.
class LeftSetTest : public FlushTest {
 protected:
  // Written to one medium of two, marked, and not yet kept anywhere else.
  void leave_set(std::string_view text, std::int64_t mtime_ns) {
    context().workspace.cache().drop(to_content(*latest("a")));
    const std::filesystem::path flushing = home() / "staging/flushing";
    const std::filesystem::path file = flushing / "20250101T000000Z/a";
    test::write_text(file, text);
    const timespec time{mtime_ns / 1'000'000'000, mtime_ns % 1'000'000'000};
    const timespec times[2] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
    test::write_text(flushing / "20250101T000000Z.committed", "");
    reopen();
  }
};

TEST_F(LeftSetTest, IsKeptLikeAnyOtherWhereTooFewMediaHaveIt) {
  configure("copies = 2\n");
  stage("a", "wanted twice");
  (void)flush_now();
  leave_set("wanted twice", latest("a")->metadata.mtime_ns);
  (void)flush_now();
  EXPECT_TRUE(staging().leftovers().empty());
  EXPECT_EQ(cached(*latest("a")), "wanted twice");
}

TEST_F(LeftSetTest, IsNotTakenForWhatTheCatalogHasSince) {
  configure("copies = 2\n");
  stage("a", "new bytes");
  (void)flush_now();
  leave_set("old bytes", 1'000'000'000);
  (void)flush_now();
  EXPECT_TRUE(staging().leftovers().empty());
  EXPECT_EQ(cached(*latest("a")), std::nullopt);
}

TEST_F(FlushTest, WithoutAMediumEverythingStaysStaged) {
  configure("libraries = []\n");
  stage("a", "nowhere to go");
  const FlushResult result = flush_now();
  EXPECT_TRUE(result.still_staged);
  EXPECT_TRUE(staged("a"));
  EXPECT_FALSE(latest("a"));
  const std::int64_t jobs = count("job");
  EXPECT_TRUE(flush_now().still_staged);
  EXPECT_EQ(count("job"), jobs);
}

TEST_F(FlushTest, WhatIsRemovedFromStagingAfterAFlushThatFailedIsWantedNoMore) {
  write("a", "before");
  back_up();
  const auto library = home() / "library";
  std::filesystem::rename(library, home() / "away");
  reopen();
  stage("p/gone", "taken away again");
  stage("p/waits", "not yet written");
  stage(path_of("a"), "never to be");
  EXPECT_TRUE(flush_now().still_staged);
  std::filesystem::remove(staging().tree() / "p/gone");
  std::filesystem::remove(staging().tree() / path_of("a"));
  std::filesystem::rename(home() / "away", library);
  reopen();
  EXPECT_EQ(back_up().out_of_reach, 0U) << "what is staged is no matter of a backup";
  std::vector<std::string> needed;
  context().ledger.needs([](const std::string&) { return 1U; },
                         [](const catalog::Medium&) { return ""; },
                         [&](const catalog::Ledger::Need& need) {
                           needed.push_back(need.path);
                           return true;
                         });
  EXPECT_THAT(needed, testing::ElementsAre("p/waits"));
  EXPECT_EQ(latest(path_of("a"))->size, 6U) << "what was there before stays";
  EXPECT_FALSE(flush_now().still_staged);
  EXPECT_TRUE(latest("p/waits"));
}

TEST_F(FlushTest, ASetOfACrashedFlushIsGivenBackAndWritten) {
  stage("a", "left behind");
  ASSERT_TRUE(staging().take("20250101T000000Z"));
  reopen();
  const FlushResult result = flush_now();
  EXPECT_EQ(result.written.files, 1U);
  EXPECT_TRUE(latest("a"));
  EXPECT_TRUE(nothing_staged());
  EXPECT_TRUE(staging().leftovers().empty());
}

TEST_F(FlushTest, AReadOnlyTreeStopsNobodysFlush) {
  stage("dvd/a", "read only");
  ASSERT_EQ(chmod((staging().tree() / "dvd").c_str(), 0555), 0);
  const test::PlainUser user;
  EXPECT_EQ(flush_now().written.files, 1U);
  EXPECT_TRUE(nothing_staged());
  EXPECT_EQ(latest("dvd")->metadata.mode & 07777, 0555U);
  stage("b", "more");
  EXPECT_EQ(flush_now().written.files, 1U);
}

TEST_F(FlushTest, NamesOfOneStagedFileStayNamesOfOneFile) {
  stage("a", "one file");
  std::filesystem::create_hard_link(staging().tree() / "a", staging().tree() / "b");
  EXPECT_EQ(flush_now().written.files, 1U);
  EXPECT_EQ(latest("a")->inode, latest("b")->inode);
  EXPECT_EQ(latest("a")->metadata.nlink, 2U);
}

}  // namespace
}  // namespace mixtape::service
