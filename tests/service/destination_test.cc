// SPDX-License-Identifier: Apache-2.0
#include "engine/service/destination.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tapeio/error.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class DestinationTest : public testing::Test {
 protected:
  static catalog::Metadata file() {
    catalog::Metadata metadata;
    metadata.mode = S_IFREG | 0600;
    return metadata;
  }
  void put(const std::string& path, std::string_view text, Existing existing = Existing::keep) {
    const auto made = destination_.create(path);
    made->write(as_bytes(text));
    made->finish(file(), existing);
  }

  test::TempDir directory_;
  Destination destination_{(directory_ / "out").string(), true};
};

TEST_F(DestinationTest, WhatWasNotThereIsSeenOnceItWasMade) {
  EXPECT_FALSE(destination_.look("a/b/file"));
  EXPECT_FALSE(destination_.look("a/b/other"));
  EXPECT_FALSE(destination_.look("ab/file"));
  put("a/b/file", "text");
  EXPECT_TRUE(destination_.look("a/b/file"));
  EXPECT_FALSE(destination_.look("a/b/other"));
  put("ab/file", "text");
  EXPECT_TRUE(destination_.look("ab/file"));
}

TEST_F(DestinationTest, RefusesEveryPathThatIsNotBelow) {
  for (const std::string path :
       {"..", "../x", "a/../x", "a/..", ".", "./x", "/etc/x", "/x", "//x", "", "a//b", "a/"}) {
    EXPECT_EQ(test::error_of([&] { return destination_.create(path); }), ErrorCode::invalid)
        << path;
    EXPECT_EQ(test::error_of([&] { return destination_.look(path); }), ErrorCode::invalid) << path;
    EXPECT_EQ(test::error_of([&] {
                destination_.finish_directory(path, file());
                return 0;
              }),
              ErrorCode::invalid)
        << path;
  }
  EXPECT_EQ(test::error_of([&] { return destination_.create(std::string("a\0b", 3)); }),
            ErrorCode::invalid);
  EXPECT_TRUE(fs::is_empty(directory_ / "out"));
}

TEST_F(DestinationTest, WritesThroughNoSymlinkThatItHasMade) {
  catalog::Metadata link;
  link.mode = S_IFLNK | 0777;
  link.symlink_target = directory_.path().string();
  destination_.make_symlink("door", link, Existing::keep);
  EXPECT_EQ(test::error_of([&] { return destination_.create("door/file"); }), ErrorCode::conflict);
  EXPECT_EQ(test::error_of([&] {
              destination_.make_directory("door/inside");
              return 0;
            }),
            ErrorCode::conflict);
  EXPECT_FALSE(fs::exists(directory_ / "file"));
}

TEST_F(DestinationTest, ADirectoryIsPrivateUntilItIsFinished) {
  const mode_t mask = ::umask(022);
  destination_.make_directory("above/itself");
  ::umask(mask);
  const auto mode_of = [&](const std::string& path) {
    return destination_.look(path).value().st_mode & 07777;
  };
  EXPECT_EQ(mode_of("above"), 0755u);
  EXPECT_EQ(mode_of("above/itself"), 0700u);
  catalog::Metadata metadata;
  metadata.mode = S_IFDIR | 0750;
  destination_.finish_directory("above/itself", metadata);
  EXPECT_EQ(mode_of("above/itself"), 0750u);
}

TEST_F(DestinationTest, ReplacesOnlyWhenTold) {
  put("a", "first");
  EXPECT_EQ(test::error_of([&] {
              put("a", "second");
              return 0;
            }),
            ErrorCode::conflict);
  EXPECT_EQ(test::read_text(directory_ / "out/a"), "first");
  put("a", "second", Existing::replace);
  EXPECT_EQ(test::read_text(directory_ / "out/a"), "second");
}

TEST_F(DestinationTest, ReplacesASymlinkAndNotItsTarget) {
  test::write_text(directory_ / "target", "untouched");
  fs::create_symlink(directory_ / "target", directory_ / "out/a");
  put("a", "file", Existing::replace);
  EXPECT_EQ(test::read_text(directory_ / "target"), "untouched");
  EXPECT_FALSE(fs::is_symlink(directory_ / "out/a"));
}

TEST_F(DestinationTest, AFileThatIsNotFinishedLeavesNothing) {
  destination_.create("a")->write(as_bytes("half"));
  EXPECT_TRUE(fs::is_empty(directory_ / "out"));
}

TEST_F(DestinationTest, EndsInAHoleWhereTheContentDoes) {
  const auto made = destination_.create("a");
  made->write(as_bytes("data"));
  made->write_zeros(1'000'000);
  made->finish(file(), Existing::keep);
  EXPECT_EQ(fs::file_size(directory_ / "out/a"), 1'000'004u);
}

TEST_F(DestinationTest, LinkingAFileToItselfLeavesNoSecondName) {
  put("a", "text");
  destination_.make_link("a", "b", Existing::keep);
  destination_.make_link("a", "b", Existing::replace);
  EXPECT_EQ(fs::hard_link_count(directory_ / "out/a"), 2u);
}

}  // namespace
}  // namespace mixtape::service
