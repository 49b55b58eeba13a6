// SPDX-License-Identifier: Apache-2.0
#include "tapeio/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/errors.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

namespace mixtape::tapeio {
namespace {

using test::error_of;
using test::pattern;
using test::read_text;
using test::write_text;

class Files : public testing::Test {
 protected:
  test::TempDir directory_;
  const std::string path_ = directory_ / "file";
};

TEST_F(Files, MissingFileIsNotFoundAndNamed) {
  try {
    static_cast<void>(open_file(path_, O_RDONLY));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_EQ(error.what(), "open " + path_ + ": No such file or directory");
  }
}

TEST_F(Files, DescriptorsAreNotInherited) {
  write_text(path_, "x");
  const UniqueFd file = open_file(path_, O_RDONLY);
  EXPECT_NE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(Files, WritingAtAnOffsetAndReadingStopAtTheEnd) {
  const UniqueFd file = open_file(path_, O_RDWR | O_CREAT);
  write_full_at(file.get(), as_bytes("cd"), 2, path_);
  write_full_at(file.get(), as_bytes("ab"), 0, path_);
  Bytes into(5);
  EXPECT_EQ(read_full_at(file.get(), into, 1, path_), 3u);
  EXPECT_EQ(as_text(ByteView(into).first(3)), "bcd");
  EXPECT_EQ(read_full(file.get(), into, path_), 4u);
  EXPECT_EQ(read_full(file.get(), into, path_), 0u);
}

TEST_F(Files, ReadingADirectoryAsAFileFails) {
  EXPECT_EQ(error_of([&] { return read_file(directory_.path(), 10); }), ErrorCode::io);
}

TEST_F(Files, FullDiskIsNoSpace) {
  const UniqueFd full = open_file("/dev/full", O_WRONLY);
  EXPECT_EQ(error_of([&] { return write_full(full.get(), as_bytes("x"), "/dev/full"), 0; }),
            ErrorCode::no_space);
}

TEST_F(Files, WholeFileIsReadUpToItsLimit) {
  for (const std::size_t size : {0, 1, 99, 100}) {
    const Bytes content = pattern(size);
    write_file_durably(path_, content);
    EXPECT_EQ(read_file(path_, 100), content);
  }
  write_file_durably(path_, pattern(101));
  EXPECT_EQ(error_of([&] { return read_file(path_, 100); }), ErrorCode::corrupt);
  EXPECT_EQ(error_of([&] { return read_file(path_, 0); }), ErrorCode::corrupt);
}

TEST_F(Files, FileThatAnnouncesNoSizeIsReadWhole) {
  EXPECT_GT(read_file("/proc/self/status", 64 * KiB).size(), 100u);
  EXPECT_EQ(error_of([] { return read_file("/proc/self/status", 100); }), ErrorCode::corrupt);
}

TEST_F(Files, LinkIsNotFollowedWhereToldSo) {
  write_text(directory_ / "target", "secret");
  std::filesystem::create_symlink("target", path_);
  EXPECT_EQ(read_file(path_, 10).size(), 6u);
  EXPECT_EQ(error_of([&] { return read_file(path_, 10, O_NOFOLLOW); }), ErrorCode::io);
}

TEST_F(Files, DurableWriteReplacesWholeContentAndLeavesNothingElse) {
  write_text(path_, "a longer text than the next one");
  write_text(path_ + ".new", "left by a crash");
  write_file_durably(path_, as_bytes("short"), 0600);
  EXPECT_EQ(read_text(path_), "short");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(Files, DurableWriteGivesTheModeAskedFor) {
  write_file_durably(path_, as_bytes("key"), 0600);
  struct stat status;
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(Files, DurableWriteIntoAMissingDirectoryChangesNothing) {
  EXPECT_EQ(error_of([&] { return write_file_durably(directory_ / "no/file", {}), 0; }),
            ErrorCode::not_found);
}

TEST_F(Files, RemovingSaysWhetherThereWasAFile) {
  write_text(path_, "x");
  EXPECT_TRUE(remove_file(path_));
  EXPECT_FALSE(remove_file(path_));
}

TEST_F(Files, DirectoryIsMadeDurableOnlyIfItIsOne) {
  write_text(path_, "x");
  fsync_directory(directory_.path());
  EXPECT_EQ(error_of([&] { return fsync_directory(path_), 0; }), ErrorCode::io);
}

}  // namespace
}  // namespace mixtape::tapeio
