// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <utility>

#include "tapeio/error.h"
#include "tests/service/restore_fixture.h"

// What comes back, and what becomes of what is there already.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class RestoredTreeTest : public RestoreTest {
 protected:
  void put_into_cache(const std::string& name, std::string_view text) {
    const auto incoming = context().workspace.cache().begin(to_content(version_of(name)));
    incoming->write(as_bytes(text));
    (void)incoming->commit();
  }
  static struct stat stat_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status;
  }
  static void set_mtime(const fs::path& path, std::int64_t seconds, long nanoseconds = 0) {
    const timespec times[2] = {{0, UTIME_OMIT}, {seconds, nanoseconds}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  static std::vector<std::string> names_below(const fs::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      names.push_back(entry.path().lexically_relative(directory));
    }
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(RestoredTreeTest, BringsATreeBackAsItWas) {
  write("a.txt", "alpha");
  write("empty", "");
  write("deep/er/large", as_text(test::pattern(3 * MiB + 17, 1)));
  fs::create_directory(source("nothing in it"));
  fs::create_symlink("a.txt", source("link"));
  ASSERT_EQ(::mkfifo(source("fifo").c_str(), 0640), 0);
  fs::permissions(source("a.txt"), fs::perms(0640));
  fs::permissions(source("deep"), fs::perms(0710));
  set_mtime(source("a.txt"), 1'234'567'890, 123'456'789);
  set_mtime(source("empty"), -5, 999'999'999);
  set_mtime(source("link"), 1'000'000'000, 1);
  set_mtime(source("deep/er"), 1'111'111'111, 11);
  back_up();

  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 0u);
  EXPECT_EQ(result.files, 3u);
  EXPECT_EQ(result.bytes, 5 + 3 * MiB + 17);
  EXPECT_EQ(result.media.size(), 1u);
  EXPECT_EQ(names_below(restored()), names_below(source()));
  for (const std::string& name : names_below(source())) {
    const struct stat was = stat_of(source(name)), is = stat_of(restored(name));
    EXPECT_EQ(is.st_mode, was.st_mode) << name;
    EXPECT_EQ(is.st_mtim.tv_sec, was.st_mtim.tv_sec) << name;
    EXPECT_EQ(is.st_mtim.tv_nsec, was.st_mtim.tv_nsec) << name;
    EXPECT_EQ(is.st_uid, was.st_uid) << name;
    if (S_ISREG(was.st_mode)) {
      EXPECT_EQ(test::read_text(restored(name)), test::read_text(source(name))) << name;
    }
  }
  EXPECT_EQ(fs::read_symlink(restored("link")), "a.txt");
}

TEST_F(RestoredTreeTest, KeepsHolesLinksAndAttributes) {
  write("sparse", "start");
  ASSERT_EQ(::truncate(source("sparse").c_str(), 16 << 20), 0);
  write("one", "both names");
  fs::create_hard_link(source("one"), source("two"));
  write("other", "both names");  // The same content, another file.
  write("tagged", "x");
  const bool has_xattrs = ::setxattr(source("tagged").c_str(), "user.colour", "blue", 4, 0) == 0;
  back_up();
  EXPECT_EQ(restore_all().trouble_count, 0u);
  EXPECT_EQ(stat_of(restored("sparse")).st_size, 16 << 20);
  EXPECT_LT(stat_of(restored("sparse")).st_blocks, 2048);
  EXPECT_EQ(stat_of(restored("one")).st_ino, stat_of(restored("two")).st_ino);
  EXPECT_NE(stat_of(restored("one")).st_ino, stat_of(restored("other")).st_ino);
  EXPECT_EQ(test::read_text(restored("other")), "both names");
  if (has_xattrs) {
    char value[8];
    EXPECT_EQ(::getxattr(restored("tagged").c_str(), "user.colour", value, sizeof value), 4);
  }
}

TEST_F(RestoredTreeTest, AnotherNameIsNoLinkToWhatWasLeftAsItIs) {
  write("a", "archived");
  fs::create_hard_link(source("a"), source("b"));
  back_up();
  for (const Conflict rule : {Conflict::skip, Conflict::newer, Conflict::refuse}) {
    fs::remove_all(out_);
    test::write_text(restored("a"), "mine");
    set_mtime(restored("a"), 4'000'000'000);
    const RestoreResult result = restore_all(rule);
    EXPECT_EQ(result.files, 1u);
    EXPECT_EQ(result.links, 0u);
    EXPECT_EQ(test::read_text(restored("a")), "mine");
    EXPECT_EQ(test::read_text(restored("b")), "archived");
    EXPECT_NE(stat_of(restored("a")).st_ino, stat_of(restored("b")).st_ino);
  }
}

TEST_F(RestoredTreeTest, AnotherNameBecomesALinkToTheOneThatIsThereAlready) {
  for (const char* name : {"full", "empty"}) {
    write(name, std::string_view(name) == "full" ? "text" : "");
    fs::create_hard_link(source(name), source(std::string(name) + " 2"));
    fs::create_hard_link(source(name), source(std::string(name) + " 3"));
  }
  back_up();
  EXPECT_EQ(restore_all().links, 4u);
  for (const std::string name : {"full", "empty"}) {
    EXPECT_EQ(fs::hard_link_count(restored(name)), 3u);
    fs::remove(restored(name + " 2"));
  }
  fs::remove_all(medium());
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 0u);
  EXPECT_EQ(result.links, 2u);
  EXPECT_EQ(fs::hard_link_count(restored("full")), 3u);
  EXPECT_EQ(fs::hard_link_count(restored("empty")), 3u);
}

TEST_F(RestoredTreeTest, WhatHappensToOneFileDoesNotKeepTheOthersOfItsContentAway) {
  const std::string text(as_text(test::pattern(300'000, 1)));
  for (const char* name : {"a", "b", "c", "d"}) {
    write(name, text);
  }
  fs::remove(source("b"));
  fs::create_hard_link(source("a"), source("b"));
  back_up();
  for (const bool cached : {false, true}) {
    fs::remove_all(out_);
    if (cached) {
      put_into_cache("a", text);
    }
    // Somebody puts a file there after the restore has looked, so that its own cannot have the
    // name.
    reporter_.on_progress = [&, came = false]() mutable {
      if (!std::exchange(came, true)) {
        test::write_text(restored("a"), "mine");
        test::write_text(restored("d"), "mine");
      }
    };
    const RestoreResult result = restore_all();
    EXPECT_EQ(result.from_cache, cached ? 1u : 0u);
    EXPECT_EQ(result.trouble_count, 2u);
    EXPECT_EQ(result.files, 2u);
    EXPECT_EQ(test::read_text(restored("a")), "mine");
    EXPECT_EQ(test::read_text(restored("b")), text);
    EXPECT_EQ(test::read_text(restored("c")), text);
    EXPECT_EQ(test::read_text(restored("d")), "mine");
  }
}

TEST_F(RestoredTreeTest, BringsBackTheTreeOfAnEarlierTime) {
  write("a", "old");
  write("gone", "gone");
  back_up();
  const std::int64_t then = now_s_;
  now_s_ += 1000;
  fs::remove(source("gone"));
  write("a", "new text");
  back_up();
  RestoreRequest request;
  request.paths = {source().string()};
  request.to = (out_).string();
  request.at_s = then;
  EXPECT_EQ(restore(context(), request, reporter_).trouble_count, 0u);
  EXPECT_EQ(test::read_text(restored("a")), "old");
  EXPECT_EQ(test::read_text(restored("gone")), "gone");
  request.at_s = 5;
  EXPECT_EQ(test::error_of([&] { return bring_back(request); }), ErrorCode::not_found);
}

TEST_F(RestoredTreeTest, PassesOverWhatIsThereAlready) {
  write("a", "alpha");
  write("b", "beta");
  back_up();
  (void)restore_all();
  fs::remove(restored("b"));
  const RestoreResult again = restore_all();
  EXPECT_EQ(again.unchanged, 1u);
  EXPECT_EQ(again.files, 1u);
  EXPECT_EQ(test::read_text(restored("b")), "beta");
}

TEST_F(RestoredTreeTest, DoesWithADifferentFileWhatTheRuleSays) {
  write("a.txt", "archived");
  set_mtime(source("a.txt"), 2'000'000'000);
  back_up();
  const auto put = [&](std::int64_t mtime) {
    test::write_text(restored("a.txt"), "mine");
    set_mtime(restored("a.txt"), mtime);
  };
  put(1);
  const RestoreResult refused = restore_all(Conflict::refuse);
  EXPECT_EQ(refused.trouble_count, 1u);
  EXPECT_EQ(refused.troubles.front().path, source("a.txt").relative_path());
  EXPECT_EQ(restore_all(Conflict::skip).skipped, 1u);
  EXPECT_EQ(test::read_text(restored("a.txt")), "mine");
  EXPECT_EQ(restore_all(Conflict::rename).trouble_count, 0u);
  EXPECT_EQ(test::read_text(restored("a.txt")), "mine");
  EXPECT_EQ(test::read_text(restored("a.txt.restored")), "archived");
  EXPECT_EQ(restore_all(Conflict::rename).unchanged, 1u);
  put(2'000'000'001);
  EXPECT_EQ(restore_all(Conflict::newer).skipped, 1u);
  put(1'999'999'999);
  EXPECT_EQ(restore_all(Conflict::newer).files, 1u);
  EXPECT_EQ(test::read_text(restored("a.txt")), "archived");
  put(3'000'000'000);
  EXPECT_EQ(restore_all(Conflict::overwrite).files, 1u);
  EXPECT_EQ(test::read_text(restored("a.txt")), "archived");
}

TEST_F(RestoredTreeTest, FollowsNoSymlinkOutOfTheDirectory) {
  write("dir/a", "alpha");
  back_up();
  fs::create_directory(directory_ / "elsewhere");
  fs::create_directories(restored());
  fs::create_directory_symlink(directory_ / "elsewhere", restored("dir"));
  const RestoreResult result = restore_all(Conflict::overwrite);
  EXPECT_EQ(result.trouble_count, 2u);
  EXPECT_TRUE(fs::is_empty(directory_ / "elsewhere"));
}

TEST_F(RestoredTreeTest, ADryRunSaysTheSameNumbersAndChangesNothing) {
  write("a", "alpha");
  write("b/c", "gamma");
  back_up();
  const RestoreResult preview = restore_all(Conflict::refuse, true);
  EXPECT_FALSE(fs::exists(out_));
  const RestoreResult done = restore_all();
  EXPECT_EQ(preview.files, done.files);
  EXPECT_EQ(preview.bytes, done.bytes);
  ASSERT_EQ(preview.media.size(), done.media.size());
  EXPECT_EQ(preview.media[0].label, done.media[0].label);
  EXPECT_EQ(preview.media[0].bytes, done.media[0].bytes);
}

TEST_F(RestoredTreeTest, TakesFromTheCacheWhatIsThere) {
  write("a", "alpha");
  back_up();
  put_into_cache("a", "alpha");
  fs::remove_all(medium());
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 0u);
  EXPECT_EQ(result.from_cache, 1u);
  EXPECT_TRUE(result.media.empty());
  EXPECT_EQ(test::read_text(restored("a")), "alpha");
}

TEST_F(RestoredTreeTest, LeavesNoPartsBehind) {
  for (int i = 0; i < 300; ++i) {
    write("many/file " + std::to_string(i), as_text(test::pattern(1000, i)));
  }
  back_up();
  reporter_.stopping.request_stop();
  EXPECT_EQ(test::error_of([&] { return restore_all(); }), ErrorCode::cancelled);
  reporter_ = ServiceReporter();
  EXPECT_EQ(restore_all().trouble_count, 0u);
  EXPECT_EQ(names_below(restored()), names_below(source()));
}

}  // namespace
}  // namespace mixtape::service
