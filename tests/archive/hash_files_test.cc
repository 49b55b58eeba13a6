// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/hash_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "engine/format/digest.h"
#include "tests/archive/scan_fixture.h"
#include "tests/support/patterns.h"

namespace mixtape::archive {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class HashFilesTest : public ScanTest {
 protected:
  // What the first read said of each name below the tree that wants content.
  std::map<std::string, FirstReadResult> results(const Scan& scan, const HashedFiles& hashed) {
    std::map<std::string, FirstReadResult> found;
    ChangeReader changes(scan.changes);
    FirstReadReader reads(hashed);
    Change change;
    FirstReadResult read;
    while (changes.next(change)) {
      if (change.wants_content()) {
        EXPECT_TRUE(reads.next(read));
        found[change.path.substr(path_of("").size() + 1)] = read;
      }
    }
    EXPECT_FALSE(reads.next(read));
    return found;
  }
  std::map<std::string, FirstReadResult> hash_all() {
    const Scan scanned = scan_now();
    return results(scanned, hash(scanned));
  }
  static catalog::Hash hash_of(std::string_view text) { return format::digest_of(as_bytes(text)); }
};

TEST_F(HashFilesTest, AFileOfAUniqueSizeIsHashedWhileItIsWritten) {
  write("a", "1");
  write("b", "22");
  const Scan scanned = scan_now();
  const HashedFiles hashed = hash(scanned);
  EXPECT_EQ(hashed.files, 0U);
  EXPECT_EQ(hashed.later, 2U);
  EXPECT_EQ(results(scanned, hashed)["a"].what, FirstRead::later);
}

TEST_F(HashFilesTest, NewFilesOfOneSizeAreRead) {
  write("a", "11");
  write("b", "22");
  write("c", "333");
  const auto found = hash_all();
  EXPECT_EQ(found.at("a").what, FirstRead::hashed);
  EXPECT_EQ(found.at("a").hash, hash_of("11"));
  EXPECT_EQ(found.at("b").hash, hash_of("22"));
  EXPECT_EQ(found.at("c").what, FirstRead::later);
}

TEST_F(HashFilesTest, ANewFileOfAKnownSizeIsRead) {
  write("a", "11");
  write("b", "22");
  backup();
  write("c", "11");
  const auto found = hash_all();
  EXPECT_EQ(found.size(), 1U);
  EXPECT_EQ(found.at("c").hash, hash_of("11"));
}

TEST_F(HashFilesTest, AChangedFileIsReadWhateverItsSize) {
  write("a", "1");
  backup();
  write("a", "a size that nothing else has");
  EXPECT_EQ(hash_all().at("a").hash, hash_of("a size that nothing else has"));
}

TEST_F(HashFilesTest, EmptyFilesHaveNothingToRead) {
  write("a", "");
  write("b", "");
  EXPECT_THAT(hash_all(), IsEmpty());
}

TEST_F(HashFilesTest, NamesOfOneFileAreReadOnce) {
  write("a", "11");
  write("x", "22");
  ASSERT_EQ(link((tree / "a").c_str(), (tree / "b").c_str()), 0);
  const Scan scanned = scan_now();
  const HashedFiles hashed = hash(scanned);
  EXPECT_EQ(hashed.files, 2U);
  const auto found = results(scanned, hashed);
  EXPECT_EQ(found.at("a").what, FirstRead::hashed);
  EXPECT_EQ(found.at("b").what, FirstRead::linked);
}

TEST_F(HashFilesTest, NamesOfOneFileAreNoReasonToReadIt) {
  write("a", "11");
  ASSERT_EQ(link((tree / "a").c_str(), (tree / "b").c_str()), 0);
  EXPECT_EQ(hash_all().at("a").what, FirstRead::later);
}

// B.1-7: the number of threads changes nothing.
TEST_F(HashFilesTest, ResultsComeInTheOrderOfTheScanWithAnyNumberOfThreads) {
  for (int i = 0; i < 700; ++i) {
    const std::size_t size = i % 100 == 0 ? 3 * MiB : 1000;
    write("f" + std::to_string(i), as_text(test::pattern(size, static_cast<std::uint64_t>(i))));
  }
  const Scan scanned = scan_now();
  for (const unsigned threads : {1U, 2U, 7U}) {
    HashOptions options = hashing();
    options.threads = threads;
    const HashedFiles hashed = hash_files(scanned, known(), options, reporter);
    sources_.forget_early_hashes();
    EXPECT_EQ(hashed.files, 700U);
    for (const auto& [name, read] : results(scanned, hashed)) {
      const auto number = std::stoull(name.substr(1));
      const std::size_t size = number % 100 == 0 ? 3 * MiB : 1000;
      ASSERT_EQ(read.hash, format::digest_of(test::pattern(size, number))) << name;
    }
  }
}

// H-01: an interruption loses at most the work since the last commit.
TEST_F(HashFilesTest, WhatWasHashedBeforeAnInterruptionIsNotHashedAgain) {
  for (int i = 0; i < 600; ++i) {
    write("f" + std::to_string(i), as_text(test::pattern(100, static_cast<std::uint64_t>(i))));
  }
  for (const char* name : {"zz1", "zz2"}) {
    write(name, as_text(test::pattern(2 * MiB, 1)));
  }
  // The large file is read until somebody stops it; that happens when four batches are known to be
  // done.
  while_reading = [&](const std::string& path) {
    while (path.ends_with("zz1") && !reporter.stopping.stop_requested()) {
      std::this_thread::yield();
    }
  };
  reporter.on_progress = [&](const Progress& progress) {
    if (progress.done_files >= 512) {
      reporter.stopping.request_stop();
    }
  };
  const Scan scanned = scan_now();
  EXPECT_THROW((void)hash(scanned), Error);
  while_reading = nullptr;
  reporter.on_progress = nullptr;
  reporter.stopping = {};
  const HashedFiles again = hash(scanned);
  EXPECT_GE(again.reused, 512U);
  EXPECT_EQ(again.reused + again.files, 602U);
}

// H-07: a file that changes while it is read is left for the next run.
TEST_F(HashFilesTest, AFileThatChangesWhileItIsReadStaysDirty) {
  write("a", "11111");
  write("b", "22222");
  while_reading = [&](const std::string& path) {
    if (path.ends_with("/a")) {
      write("a", "11111 and more");
    }
  };
  const Scan scanned = scan_now();
  const HashedFiles hashed = hash(scanned);
  EXPECT_EQ(results(scanned, hashed)["a"].what, FirstRead::failed);
  EXPECT_EQ(results(scanned, hashed)["b"].hash, hash_of("22222"));
  ASSERT_EQ(hashed.troubles.count(), 1U);
  EXPECT_THAT(hashed.troubles.listed()[0].why, HasSubstr("it changed meanwhile"));
  record_now(scanned, hashed);
  EXPECT_FALSE(newest("a"));
  while_reading = nullptr;
  backup();
  EXPECT_EQ(newest("a")->size, 14U);
}

TEST_F(HashFilesTest, AnOverwriteOfTheSameLengthIsNoticedToo) {
  write("a", "11111");
  write("b", "22222");
  while_reading = [&](const std::string& path) {
    if (path.ends_with("/a")) {
      write("a", "33333");
      set_mtime("a", 1000);
    }
  };
  EXPECT_EQ(hash_all().at("a").what, FirstRead::failed);
}

// H-08, X-11: a vanished file is no error, an unreadable one is reported, the others go on.
TEST_F(HashFilesTest, AVanishedOrUnreadableFileStopsNothing) {
  write("a", "11111");
  write("b", "22222");
  write("c", "33333");
  write("d", "44444");
  const Scan scanned = scan_now();
  remove("a");
  remove("b");
  ASSERT_EQ(symlink("c", (tree / "b").c_str()), 0);
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  ASSERT_EQ(chmod((tree / "c").c_str(), 0), 0);
  const HashedFiles hashed = hash(scanned);
  const auto found = results(scanned, hashed);
  EXPECT_EQ(found.at("a").what, FirstRead::failed);
  EXPECT_EQ(found.at("b").what, FirstRead::failed);
  EXPECT_EQ(found.at("c").what, FirstRead::failed);
  EXPECT_EQ(found.at("d").what, FirstRead::hashed);
  EXPECT_EQ(hashed.troubles.count(), 2U);
}

}  // namespace
}  // namespace mixtape::archive
