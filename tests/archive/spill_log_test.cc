// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/spill_log.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/archive/scan_change.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

namespace mixtape::archive {
namespace {

std::size_t size_of_record(std::size_t number) {
  return number * 37 % 5000;
}

void expect_records(const SpillLog& log, std::size_t count) {
  SpillLog::Reader reader(log);
  Bytes record;
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(reader.next(record)) << i;
    ASSERT_EQ(record, test::pattern(size_of_record(i), i)) << i;
  }
  EXPECT_FALSE(reader.next(record));
}

TEST(SpillLogTest, GivesBackWhatItTookInMemoryAndBeyond) {
  const test::TempDir directory;
  for (const std::size_t in_memory :
       {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{1} << 30}) {
    SpillLog log(directory.path(), in_memory);
    for (std::size_t i = 0; i < 500; ++i) {
      log.append(test::pattern(size_of_record(i), i));
    }
    EXPECT_EQ(log.count(), 500U);
    expect_records(log, 500);
    expect_records(log, 500);
  }
}

TEST(SpillLogTest, LeavesNoNameBehind) {
  const test::TempDir directory;
  SpillLog log(directory.path(), 0);
  log.append(test::pattern(100));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(SpillLogTest, AppendingWhileAReaderStandsAtTheEndLetsItGoOn) {
  const test::TempDir directory;
  SpillLog log(directory.path(), 64);
  SpillLog::Reader reader(log);
  Bytes record;
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_FALSE(reader.next(record));
    log.append(test::pattern(i, i));
    ASSERT_TRUE(reader.next(record));
    EXPECT_EQ(record, test::pattern(i, i));
  }
}

TEST(ScanChangeTest, AChangeSurvivesTheLog) {
  const test::TempDir directory;
  Change change;
  change.kind = ChangeKind::content;
  change.path = std::string("a/\xff\n", 4);
  change.known = catalog::PathId{0};
  change.root = 3;
  change.metadata = {.mode = S_IFREG | 04755,
                     .uid = 4'000'000'000,
                     .gid = 2,
                     .owner = "me",
                     .group = "",
                     .mtime_ns = -1,
                     .xattrs = {{"user.a", std::string("\0x", 2)}, {"user.b", ""}},
                     .symlink_target = "t",
                     .nlink = 2,
                     .device = 0x103};
  change.stamp = {.device = 1, .inode = 2, .ctime_ns = 3, .readable = false};
  change.file = {.device = 4, .inode = 5, .size = 6, .mtime_ns = -7, .ctime_ns = 8};
  change.group = 9;
  SpillLog log(directory.path());
  append_change(log, change);
  append_change(log, {});
  ChangeReader reader(log);
  Change read;
  ASSERT_TRUE(reader.next(read));
  EXPECT_EQ(read.kind, change.kind);
  EXPECT_EQ(read.path, change.path);
  EXPECT_EQ(read.known, change.known);
  EXPECT_EQ(read.root, change.root);
  EXPECT_EQ(read.metadata, change.metadata);
  EXPECT_EQ(read.stamp, change.stamp);
  EXPECT_EQ(read.file, change.file);
  EXPECT_EQ(read.group, change.group);
  ASSERT_TRUE(reader.next(read));
  EXPECT_EQ(read.known, std::nullopt);
  EXPECT_TRUE(read.metadata.xattrs.empty());
  EXPECT_FALSE(reader.next(read));
}

}  // namespace
}  // namespace mixtape::archive
