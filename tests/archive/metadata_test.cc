// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/metadata.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "tests/support/temp_dir.h"

namespace mixtape::archive {
namespace {

class MetadataTest : public testing::Test {
 protected:
  catalog::Metadata read(const std::string& path) {
    FileStat stat;
    EXPECT_EQ(stat_at(AT_FDCWD, path.c_str(), stat), 0);
    OwnerNames names;
    catalog::Metadata metadata = to_metadata(stat, names);
    EXPECT_EQ(complete_metadata(path, metadata), 0);
    return metadata;
  }

  test::TempDir directory;
};

TEST_F(MetadataTest, TellsModeOwnerAndTimeToTheNanosecond) {
  const std::string file = directory / "a";
  test::write_text(file, "x");
  ASSERT_EQ(chmod(file.c_str(), 0640), 0);
  const timespec times[2] = {{1, 0}, {-5, 123456789}};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  const catalog::Metadata metadata = read(file);
  EXPECT_EQ(metadata.mode, S_IFREG | 0640U);
  EXPECT_EQ(metadata.uid, geteuid());
  EXPECT_EQ(metadata.nlink, 1U);
  EXPECT_EQ(metadata.device, 0U);
  EXPECT_EQ(metadata.mtime_ns, -5'000'000'000 + 123456789);
  if (geteuid() == 0) {
    EXPECT_EQ(metadata.owner, "root");
    EXPECT_EQ(metadata.group, "root");
  }
}

TEST_F(MetadataTest, KeepsUsersWithoutANameByNumberOnly) {
  OwnerNames names;
  EXPECT_EQ(names.user(3'999'999'999), "");
  EXPECT_EQ(names.group(3'999'999'999), "");
}

TEST_F(MetadataTest, SortsXattrsAndLeavesOutItsOwn) {
  const std::string file = directory / "a";
  test::write_text(file, "x");
  if (setxattr(file.c_str(), "user.b", "2", 1, 0) != 0) {
    GTEST_SKIP() << "the file system here has no user xattrs";
  }
  ASSERT_EQ(setxattr(file.c_str(), "user.a", "", 0, 0), 0);
  ASSERT_EQ(setxattr(file.c_str(), "user.mixtape.state", "x", 1, 0), 0);
  const std::vector<std::pair<std::string, std::string>> expected{{"user.a", ""}, {"user.b", "2"}};
  auto found = read(file).xattrs;
  std::erase_if(found, [](const auto& xattr) { return !xattr.first.starts_with("user."); });
  EXPECT_EQ(found, expected);
}

TEST_F(MetadataTest, ReadsTheTargetOfASymlinkAndDoesNotFollowIt) {
  const std::string link = directory / "l";
  const std::string target = std::string(1000, 't') + "/\xff";
  ASSERT_EQ(symlink(target.c_str(), link.c_str()), 0);
  const catalog::Metadata metadata = read(link);
  EXPECT_TRUE(S_ISLNK(metadata.mode));
  EXPECT_EQ(metadata.symlink_target, target);
}

TEST_F(MetadataTest, AVanishedFileIsAnErrorNumberAndNoException) {
  FileStat stat;
  EXPECT_EQ(stat_at(AT_FDCWD, (directory / "none").c_str(), stat), ENOENT);
  catalog::Metadata metadata;
  metadata.mode = S_IFLNK;
  EXPECT_EQ(complete_metadata(directory / "none", metadata), ENOENT);
  metadata.mode = S_IFREG;
  EXPECT_EQ(complete_metadata(directory / "none", metadata), ENOENT);
}

}  // namespace
}  // namespace mixtape::archive
