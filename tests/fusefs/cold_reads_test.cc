// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <sys/xattr.h>

#include <algorithm>
#include <atomic>

#include "tests/fusefs/mounted_world.h"

// Reads of contents that are away: they wait in the mount, and nothing else does.

namespace mixtape::fusefs {
namespace {

using testing::ElementsAre;

class ColdReadTest : public MountTest {};

TEST_F(ColdReadTest, AReadWaitsForItsBytes) {
  world.job().file("a", "from the tape").finish();
  const tapeio::UniqueFd fd = open("latest/a", O_RDONLY);
  EXPECT_EQ(world.contents.asked(), 0U);
  std::string got;
  std::jthread reader([&] { got = read_all(fd); });
  world.contents.wait_for_parked(1);
  world.deliver("from the tape");
  reader.join();
  EXPECT_EQ(got, "from the tape");
  EXPECT_EQ(text("latest/a"), "from the tape");
}

TEST_F(ColdReadTest, LargeCachedFilesAreReadWhole) {
  std::string bytes;
  for (std::uint32_t i = 0; bytes.size() < 3'000'000; ++i) {
    bytes += std::to_string(i) + ",";
  }
  // The catalog knows the content by its first word; only its size must be right.
  const auto content = world.machine.content("large", bytes.size());
  world.contents.put(catalog::number(content), bytes, true);
  auto job = world.job();
  job.add("large", catalog::file_metadata(), content);
  job.finish_large(bytes.size());
  EXPECT_EQ(status("latest/large").st_size, static_cast<off_t>(bytes.size()));
  const tapeio::UniqueFd fd = open("latest/large", O_RDONLY);
  EXPECT_EQ(read_all(fd, bytes.size() + 1), bytes);
  char tail[8];
  ASSERT_EQ(::pread(fd.get(), tail, 8, static_cast<off_t>(bytes.size() - 5)), 5);
  EXPECT_EQ(std::string(tail, 5), bytes.substr(bytes.size() - 5));
}

TEST_F(ColdReadTest, AnOpenFileReadsOnFromWhatTheRecallBrought) {
  world.job().file("a", "from the tape").finish();
  const tapeio::UniqueFd fd = open("latest/a", O_RDONLY);
  world.deliver("from the tape");
  EXPECT_EQ(read_all(fd), "from the tape");
  EXPECT_EQ(world.contents.asked(), 0U);
}

TEST_F(ColdReadTest, InterruptsEndAReaderAndItsRecall) {
  world.job().file("a", "away").finish();
  for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
    const pid_t cat = start_cat("latest/a");
    world.contents.wait_for_parked(1);
    ::kill(cat, signal);
    EXPECT_EQ(end_of(cat), signal);
    world.contents.wait_for_no_parked();
  }
}

// cat, as cp, reads again after EINTR.
TEST_F(ColdReadTest, WhatIsTakenOutOfTheQueueEndsItsReadersAndIsNotAskedForAgain) {
  world.job().file("a", "away").finish();
  const tapeio::UniqueFd fd = open("latest/a", O_RDONLY);
  std::string got;
  std::jthread reader([&] { got = read_all(fd); });
  const pid_t cat = start_cat("latest/a");
  world.contents.wait_for_parked(2);
  world.contents.fail(catalog::number(world.content("away")),
                      Error(ErrorCode::cancelled, "recall: cancelled"));
  reader.join();
  EXPECT_EQ(got, "errno " + std::to_string(ECANCELED));
  EXPECT_EQ(end_of(cat), 0);
  EXPECT_EQ(world.contents.asked(), 2U);
}

// A copy of a large file is not always waiting when its recall is cancelled.
TEST_F(ColdReadTest, WhoReadsOnAfterTheRecallWasCancelledGetsAnErrorAndQueuesNothing) {
  world.job().file("a", "from the tape").finish();
  const auto number = catalog::number(world.content("from the tape"));
  const tapeio::UniqueFd fd = open("latest/a", O_RDONLY);
  const tapeio::UniqueFd untouched = open("latest/a", O_RDONLY);
  char part[4];
  std::jthread reader([&] { EXPECT_EQ(::read(fd.get(), part, 4), 4); });
  world.contents.wait_for_parked(1);
  world.contents.serve(number);
  reader.join();
  world.contents.cancel_recall(number);
  EXPECT_EQ(failure(::read(fd.get(), part, 4)), ECANCELED);
  EXPECT_EQ(failure(::read(fd.get(), part, 4)), ECANCELED);
  EXPECT_EQ(world.contents.asked(), 1U);
  // Who begins after it may ask again, whenever he opened the file.
  std::jthread later([&] { EXPECT_EQ(::read(untouched.get(), part, 4), 4); });
  world.contents.wait_for_parked(1);
  world.contents.serve(number);
  later.join();
  world.deliver("from the tape");
  EXPECT_EQ(read_all(fd), "from the tape");
}

TEST_F(ColdReadTest, WhoPollsForWhatWasCancelledQueuesItNoMore) {
  world.job().file("a", "away").finish();
  const tapeio::UniqueFd fd = open("latest/a", O_RDONLY | O_NONBLOCK);
  char byte = 0;
  EXPECT_EQ(failure(::read(fd.get(), &byte, 1)), EAGAIN);
  world.contents.cancel_recall(catalog::number(world.content("away")));
  EXPECT_EQ(failure(::read(fd.get(), &byte, 1)), ECANCELED);
  EXPECT_THAT(world.contents.fetched(), ElementsAre("a"));
}

TEST_F(ColdReadTest, NonBlockingReadsQueueAndComeBack) {
  world.job().file("d/a", "away").finish();
  const tapeio::UniqueFd fd = open("latest/d/a", O_RDONLY | O_NONBLOCK);
  char byte = 0;
  EXPECT_EQ(failure(::read(fd.get(), &byte, 1)), EAGAIN);
  EXPECT_THAT(world.contents.fetched(), ElementsAre("d/a"));
  world.deliver("away");
  EXPECT_EQ(read_all(fd), "away");
}

TEST_F(ColdReadTest, WhatWentWrongIsTheErrno) {
  world.job().file("a", "away").finish();
  for (const auto& [code, expected] :
       std::vector<std::pair<ErrorCode, int>>{{ErrorCode::corrupt, EIO},
                                              {ErrorCode::no_medium, ENOMEDIUM},
                                              {ErrorCode::not_permitted, EACCES},
                                              {ErrorCode::no_space, ENOSPC}}) {
    const tapeio::UniqueFd fd = open("latest/a", O_RDONLY);
    std::string got;
    std::jthread reader([&] { got = read_all(fd); });
    world.contents.wait_for_parked(1);
    world.contents.fail(catalog::number(world.content("away")), Error(code, "recall: no luck"));
    reader.join();
    EXPECT_EQ(got, "errno " + std::to_string(expected));
  }
}

TEST_F(ColdReadTest, MappingsOfColdFilesWaitForTheirBytes) {
  for (const int kind : {MAP_PRIVATE, MAP_SHARED}) {
    const std::string word = kind == MAP_PRIVATE ? "private" : "shared!";
    world.job().file(word, word).finish();
    const tapeio::UniqueFd fd = open("latest/" + word, O_RDONLY);
    void* mapped = ::mmap(nullptr, word.size(), PROT_READ, kind, fd.get(), 0);
    if (mapped == MAP_FAILED && kind == MAP_SHARED && errno == ENODEV) {
      GTEST_SKIP() << "this kernel does not map direct_io files shared";
    }
    ASSERT_NE(mapped, MAP_FAILED) << std::generic_category().message(errno);
    std::string got;
    std::jthread reader([&] { got.assign(static_cast<const char*>(mapped), word.size()); });
    world.contents.wait_for_parked(1);
    world.deliver(word);
    reader.join();
    EXPECT_EQ(got, word);
    ::munmap(mapped, word.size());
  }
}

TEST_F(ColdReadTest, WritingTheRecallAttributeQueues) {
  world.job().file("d/a", "1").file("d/b", "22").finish();
  ASSERT_EQ(::setxattr(at("latest/d").c_str(), "user.mixtape.recall", "", 0, 0), 0);
  world.contents.wait_for_fetches(2);
  EXPECT_THAT(world.contents.fetched(), ElementsAre("d/a", "d/b"));
}

TEST_F(ColdReadTest, UnmountingAnswersWhoStillWaits) {
  world.job().file("a", "away").finish();
  const pid_t cat = start_cat("latest/a");
  world.contents.wait_for_parked(1);
  mount->stop();
  EXPECT_EQ(end_of(cat), 0);
}

class ThousandReadersTest : public ColdReadTest {
 protected:
  static constexpr std::size_t kFiles = 100;
  static constexpr std::size_t kReaders = 1000;
  static std::string word(std::size_t file) { return "content of file " + std::to_string(file); }
  static std::string name(std::size_t file) { return "cold/" + std::to_string(file); }
};

TEST_F(ThousandReadersTest, LeaveCachedReadsListingsAndInterruptsPrompt) {
  auto job = world.job();
  for (std::size_t file = 0; file < kFiles; ++file) {
    job.file(name(file), word(file));
  }
  job.file("warm/here", "at hand", true).file("cold/other", "yet another").finish();

  std::atomic<std::size_t> right = 0;
  std::vector<std::jthread> readers;
  for (std::size_t i = 0; i < kReaders; ++i) {
    readers.emplace_back(
        [&, file = i % kFiles] { right += text("latest/" + name(file)) == word(file) ? 1 : 0; });
  }
  world.contents.wait_for_parked(kReaders);

  // All this completes while not one of the thousand has got a byte.
  EXPECT_EQ(text("latest/warm/here"), "at hand");
  EXPECT_EQ(run("ls -laR . | wc -l | grep -c ."), "1\n");
  EXPECT_EQ(run("find latest -type f | wc -l"), std::to_string(kFiles + 2) + "\n");
  write("staging/new", "written meanwhile");
  EXPECT_EQ(text("staging/new"), "written meanwhile");
  std::vector<pid_t> cats(10);
  std::generate(cats.begin(), cats.end(), [&] { return start_cat("latest/cold/other"); });
  world.contents.wait_for_parked(kReaders + cats.size());
  for (const pid_t cat : cats) {
    ::kill(cat, SIGINT);
    EXPECT_EQ(end_of(cat), SIGINT);
  }
  world.job().file("warm/here", "newer", true).finish();
  mount->changed({"warm/here"});
  EXPECT_EQ(text("latest/warm/here"), "newer");
  EXPECT_EQ(mount->parked_reads(), kReaders);
  EXPECT_EQ(right, 0U);

  for (std::size_t file = 0; file < kFiles; ++file) {
    world.deliver(word(file));
  }
  readers.clear();
  EXPECT_EQ(right, kReaders);
}

class ColdReadPolicyTest : public ColdReadTest {
 protected:
  void remount(ColdReads policy) { remount(ColdRules{.reads = policy}); }
  void remount(ColdRules rules) {
    mount->stop();
    server.join();
    Sources sources = world.sources();
    sources.cold = std::move(rules);
    mount.emplace(options(), std::move(sources));
    server = std::jthread([this] { mount->run(); });
  }
};

TEST_F(ColdReadPolicyTest, QueueMeansThatReadsComeBackAtOnce) {
  world.job().file("a", "away").finish();
  remount(ColdReads::queue);
  EXPECT_EQ(text("latest/a"), "errno " + std::to_string(EBUSY));
  EXPECT_THAT(world.contents.fetched(), ElementsAre("a"));
}

TEST_F(ColdReadPolicyTest, NeverMeansThatReadingAsksForNothing) {
  world.job().file("a", "away").file("b", "here", true).finish();
  remount(ColdReads::never);
  EXPECT_EQ(text("latest/a"), "errno " + std::to_string(EACCES));
  EXPECT_EQ(text("latest/b"), "here");
  EXPECT_EQ(world.contents.asked(), 0U);
}

TEST_F(ColdReadPolicyTest, WhatLiesWithinAPreviewIsReadWhileTheMediumStaysOnItsShelf) {
  world.job().file("a", "photograph").finish();
  world.contents.preview_head(5);
  EXPECT_EQ(run("head -c 5 latest/a"), "photo");
  EXPECT_EQ(run("dd if=latest/a bs=2 skip=1 count=1 status=none"), "ot");
  EXPECT_EQ(world.contents.asked(), 0U);
  // What reads on waits for the whole of it, and gets no short read that looks like its end.
  const pid_t cat = start_cat("latest/a");
  world.contents.wait_for_parked(1);
  world.deliver("photograph");
  EXPECT_EQ(end_of(cat), 0);
}

TEST_F(ColdReadPolicyTest, AProgramThatOnlySniffsGetsThePreviewAndCausesNoRecall) {
  world.job().file("a", "photograph").file("b", "other").finish();
  remount({.never_for = {"head"}});
  EXPECT_EQ(run("head -c 100 latest/b 2>&1 | grep -o 'Permission denied'"), "Permission denied\n");
  world.contents.preview_head(5);
  EXPECT_EQ(run("head -c 100 latest/a 2>/dev/null"), "photoexit status 1");
  EXPECT_EQ(world.contents.asked(), 0U);
}

TEST_F(ColdReadPolicyTest, WhoDoesNotOnlySniffGetsNoPartThatLooksLikeAWholeFile) {
  world.job().file("a", "photograph").finish();
  world.contents.preview_head(5);
  for (const ColdRules& rules :
       {ColdRules{.reads = ColdReads::queue}, ColdRules{.reads = ColdReads::never},
        ColdRules{.never_for = {"python3"}}}) {
    remount(rules);
    // By sendfile(2), as file managers copy.
    EXPECT_NE(run("python3 -c 'import os; i = os.open(\"latest/a\", os.O_RDONLY);"
                  " o = os.memfd_create(\"o\"); os.sendfile(o, i, 0, 100)' 2>/dev/null"),
              "");
  }
}

TEST_F(ColdReadPolicyTest, AProgramThatMayAlwaysIsServedWhereNobodyElseIs) {
  world.job().file("a", "wanted").finish();
  remount({.reads = ColdReads::never, .always_for = {"cat"}});
  EXPECT_EQ(run("head -c 6 latest/a 2>/dev/null"), "exit status 1");
  const pid_t cat = start_cat("latest/a");
  world.contents.wait_for_parked(1);
  world.deliver("wanted");
  EXPECT_EQ(end_of(cat), 0);
}

TEST_F(ColdReadPolicyTest, WhoReadsTooManyColdFilesInASecondIsRefusedTheRest) {
  world.job().file("a", "1").file("b", "2").file("c", "3").finish();
  remount({.reads = ColdReads::queue, .files_per_second = 2});
  // One process, three files within a second.
  (void)run("head -c 1 latest/a latest/b latest/c 2>/dev/null");
  EXPECT_THAT(world.contents.fetched(), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace mixtape::fusefs
