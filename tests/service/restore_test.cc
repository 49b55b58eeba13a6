// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "engine/service/backup.h"
#include "engine/service/media.h"
#include "engine/service/recall_service.h"
#include "engine/service/status.h"
#include "tapeio/error.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class QuietReporter final : public Reporter {
 public:
  void progress(const Progress&) override {
    if (const auto once = std::exchange(on_progress, nullptr)) {
      once();
    }
  }
  void note(const std::string& line) override { notes.push_back(line); }
  void problem(const std::string& line) override { problems.push_back(line); }
  [[nodiscard]] std::stop_token stop() const override { return source.get_token(); }
  std::vector<std::string> notes, problems;
  std::stop_source source;
  std::function<void()> on_progress;  // Runs once.
};

// A home with disk media, a source tree that is backed up, and a place to restore to.
class RestoreTest : public testing::Test {
 protected:
  RestoreTest() { home::Home::create(directory_ / "home"); }

  Context& context() {
    if (!context_) {
      workspace_ = std::make_unique<Workspace>(home::Home(directory_ / "home"));
      context_ = std::make_unique<Context>(*workspace_, catalog::Access::write,
                                           [this] { return now_s_++; });
    }
    return *context_;
  }
  // Forgets everything in memory, as the next command does.
  void reopen() {
    context_.reset();
    workspace_.reset();
  }
  fs::path source(const std::string& name = "") { return fs::path(directory_ / "source") / name; }
  fs::path restored(const std::string& name = "") {
    return fs::path(directory_ / "out") / source(name).relative_path();
  }
  void write(const std::string& name, std::string_view text) {
    test::write_text(source(name), text);
  }
  void back_up() {
    BackupRequest request;
    request.roots = {source().string()};
    request.command = "test";
    const BackupResult result = backup(context(), request, reporter_);
    ASSERT_TRUE(result.job.has_value());
    ASSERT_EQ(result.trouble_count, 0u);
    ASSERT_TRUE(result.written.no_room.empty());
  }
  // Only a medium that is away counts as lying on another disk.
  void back_up_to_two_media() {
    back_up();
    const fs::path place = medium("MX0001");
    fs::rename(place, directory_ / "MX0001");
    test::write_text(directory_ / "home/mixtape.toml", "copies = 2\n");
    reopen();
    back_up();
    fs::rename(directory_ / "MX0001", place);
    reopen();
  }
  RestoreResult restore_all(Conflict conflict = Conflict::refuse, bool dry_run = false) {
    RestoreRequest request;
    request.paths = {source().string()};
    request.to = (directory_ / "out").string();
    request.conflict = conflict;
    request.dry_run = dry_run;
    return restore(context(), request, reporter_);
  }
  fs::path medium(const std::string& label = "MX0001") {
    for (const auto& entry : fs::recursive_directory_iterator(directory_ / "home")) {
      if (entry.path().filename() == label) {
        return entry.path();
      }
    }
    return {};
  }
  fs::path archive_file(const std::string& label) {
    std::set<fs::path> archives;
    for (const auto& entry : fs::directory_iterator(medium(label))) {
      if (entry.path().string().find("archive") != std::string::npos) {
        archives.insert(entry.path());
      }
    }
    return *archives.begin();
  }
  void damage_at(off_t offset, const std::string& label = "MX0001") {
    const int fd = ::open(archive_file(label).c_str(), O_RDWR);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(::pwrite(fd, "damage", 6, offset), 6);
    ::close(fd);
  }
  catalog::Version version_of(const std::string& name) {
    const auto path = context().tree.find_path(source(name).relative_path().string());
    return context().tree.at({}, path.value()).value();
  }
  void put_into_cache(const std::string& name, std::string_view text) {
    const auto incoming = workspace_->cache().begin(to_content(version_of(name)));
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
  static std::vector<fs::path> names_below(const fs::path& directory) {
    std::vector<fs::path> names;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      names.push_back(entry.path().lexically_relative(directory));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  test::TempDir directory_;
  std::int64_t now_s_ = 1'700'000'000;
  QuietReporter reporter_;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<Context> context_;
};

TEST_F(RestoreTest, BringsATreeBackAsItWas) {
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
  for (const fs::path& name : names_below(source())) {
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

TEST_F(RestoreTest, KeepsHolesLinksAndAttributes) {
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

TEST_F(RestoreTest, AnotherNameIsNoLinkToWhatWasLeftAsItIs) {
  write("a", "archived");
  fs::create_hard_link(source("a"), source("b"));
  back_up();
  for (const Conflict rule : {Conflict::skip, Conflict::newer, Conflict::refuse}) {
    fs::remove_all(directory_ / "out");
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

TEST_F(RestoreTest, AnotherNameBecomesALinkToTheOneThatIsThereAlready) {
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

TEST_F(RestoreTest, WithTheContentDamagedEveryNameOfAFileIsTrouble) {
  write("a", as_text(test::pattern(300'000, 1)));
  fs::create_hard_link(source("a"), source("b"));
  back_up();
  damage_at(150'000);
  test::write_text(restored("a"), "old");
  const RestoreResult result = restore_all(Conflict::overwrite);
  EXPECT_EQ(result.trouble_count, 2u);
  EXPECT_EQ(result.files, 0u);
  EXPECT_EQ(test::read_text(restored("a")), "old");
  EXPECT_FALSE(fs::exists(restored("b")));
}

TEST_F(RestoreTest, WhatHappensToOneFileDoesNotKeepTheOthersOfItsContentAway) {
  const std::string text(as_text(test::pattern(300'000, 1)));
  for (const char* name : {"a", "b", "c", "d"}) {
    write(name, text);
  }
  fs::remove(source("b"));
  fs::create_hard_link(source("a"), source("b"));
  back_up();
  for (const bool cached : {false, true}) {
    fs::remove_all(directory_ / "out");
    if (cached) {
      put_into_cache("a", text);
    }
    // Somebody puts a file there after the restore has looked, so that its own cannot have the
    // name.
    reporter_.on_progress = [&] {
      test::write_text(restored("a"), "mine");
      test::write_text(restored("d"), "mine");
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

TEST_F(RestoreTest, BringsBackTheTreeOfAnEarlierTime) {
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
  request.to = (directory_ / "out").string();
  request.at_s = then;
  EXPECT_EQ(restore(context(), request, reporter_).trouble_count, 0u);
  EXPECT_EQ(test::read_text(restored("a")), "old");
  EXPECT_EQ(test::read_text(restored("gone")), "gone");
  request.at_s = 5;
  EXPECT_EQ(test::error_of([&] { return restore(context(), request, reporter_); }),
            ErrorCode::not_found);
}

TEST_F(RestoreTest, PassesOverWhatIsThereAlready) {
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

TEST_F(RestoreTest, DoesWithADifferentFileWhatTheRuleSays) {
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

TEST_F(RestoreTest, FollowsNoSymlinkOutOfTheDirectory) {
  write("dir/a", "alpha");
  back_up();
  fs::create_directory(directory_ / "elsewhere");
  fs::create_directories(restored());
  fs::create_directory_symlink(directory_ / "elsewhere", restored("dir"));
  const RestoreResult result = restore_all(Conflict::overwrite);
  EXPECT_EQ(result.trouble_count, 2u);
  EXPECT_TRUE(fs::is_empty(directory_ / "elsewhere"));
}

TEST_F(RestoreTest, ADryRunSaysTheSameNumbersAndChangesNothing) {
  write("a", "alpha");
  write("b/c", "gamma");
  back_up();
  const RestoreResult preview = restore_all(Conflict::refuse, true);
  EXPECT_FALSE(fs::exists(directory_ / "out"));
  const RestoreResult done = restore_all();
  EXPECT_EQ(preview.files, done.files);
  EXPECT_EQ(preview.bytes, done.bytes);
  ASSERT_EQ(preview.media.size(), done.media.size());
  EXPECT_EQ(preview.media[0].label, done.media[0].label);
  EXPECT_EQ(preview.media[0].bytes, done.media[0].bytes);
}

TEST_F(RestoreTest, TakesFromTheCacheWhatIsThere) {
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

TEST_F(RestoreTest, NamesTheMediumThatIsNotHere) {
  write("a", "alpha");
  back_up();
  move_medium(context(), "MX0001", "shelf B");
  fs::remove_all(medium());
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 1u);
  EXPECT_THAT(result.troubles.front().why, testing::HasSubstr("MX0001 (shelf B)"));
  ASSERT_EQ(result.media.size(), 1u);
  EXPECT_FALSE(result.media.front().here);
}

TEST_F(RestoreTest, ADamagedFileIsTroubleAndTheOthersComeBack) {
  write("a", as_text(test::pattern(300'000, 1)));
  write("b", as_text(test::pattern(300'000, 2)));
  write("c", as_text(test::pattern(300'000, 3)));
  back_up();
  damage_at(450'000);
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 1u);
  EXPECT_EQ(result.damaged_copies, 1u);
  EXPECT_EQ(result.troubles.front().path, source("b").relative_path());
  EXPECT_FALSE(fs::exists(restored("b")));
  EXPECT_EQ(test::read_text(restored("a")), test::read_text(source("a")));
  EXPECT_EQ(test::read_text(restored("c")), test::read_text(source("c")));
  EXPECT_TRUE(reporter_.problems.empty());  // Said once, by whoever shows the result.
  reopen();
  const RestoreResult later = restore_all();
  ASSERT_EQ(later.trouble_count, 1u);
  EXPECT_THAT(later.troubles.front().why, testing::HasSubstr("the copy on medium MX0001"));
}

TEST_F(RestoreTest, EveryFileWithoutACopyToReadIsNamedAndTheOthersComeBack) {
  write("dir/a", as_text(test::pattern(300'000, 1)));
  write("dir/b", as_text(test::pattern(300'000, 2)));
  back_up();
  write("dir/c", "never written");
  fs::rename(directory_ / "home/library", directory_ / "away");
  reopen();
  BackupRequest request;
  request.roots = {source().string()};
  ASSERT_FALSE(backup(context(), request, reporter_).written.no_room.empty());
  fs::rename(directory_ / "away", directory_ / "home/library");
  reopen();
  damage_at(450'000);
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.files, 1u);
  ASSERT_EQ(result.trouble_count, 2u);
  std::map<std::string, std::string> why;
  for (const RestoreTrouble& trouble : result.troubles) {
    why[fs::path(trouble.path).filename()] = trouble.why;
  }
  EXPECT_THAT(why["b"], testing::HasSubstr("the copy on medium MX0001"));
  EXPECT_THAT(why["c"], testing::HasSubstr("none has written it"));
  EXPECT_EQ(test::read_text(restored("dir/a")), test::read_text(source("dir/a")));
}

TEST_F(RestoreTest, ADamagedCopyIsWrittenAnewToAnotherMediumAndIsGoodAgainWhenItReadsWell) {
  write("a", as_text(test::pattern(300'000, 1)));
  write("b", "another");
  back_up();
  const std::string before = test::read_text(archive_file("MX0001"));
  damage_at(150'000);
  EXPECT_EQ(restore_all().damaged_copies, 1u);
  const catalog::ContentId content = version_of("a").content.value();
  ASSERT_EQ(context().ledger.damaged(content).size(), 1u);
  EXPECT_EQ(context().ledger.damaged(content).front().place.medium.label, "MX0001");
  EXPECT_THAT(context().ledger.damaged(content).front().found, testing::HasSubstr("chunk"));
  EXPECT_EQ(status_of(context()).damaged_paths,
            std::vector<std::string>{source("a").relative_path().string()});
  ASSERT_EQ(status_of(context()).damaged.size(), 1u);
  back_up();
  ASSERT_EQ(context().ledger.places(content).size(), 1u);
  EXPECT_EQ(context().ledger.places(content).front().medium.label, "MX0002");
  EXPECT_EQ(status_of(context()).under_copied_files, 0u);
  EXPECT_EQ(status_of(context()).damaged.size(), 1u);
  // The damage was the drive's.
  test::write_text(archive_file("MX0001"), before);
  fs::remove_all(medium("MX0002"));
  {
    catalog::Statement(context().database, "UPDATE medium SET state = 3 WHERE label = 'MX0002'")
        .run();
  }
  fs::remove_all(directory_ / "out");
  EXPECT_EQ(restore_all().trouble_count, 0u);
  EXPECT_TRUE(context().ledger.damaged(content).empty());
  EXPECT_EQ(context().ledger.places(content).front().medium.label, "MX0001");
}

TEST_F(RestoreTest, ADamagedCopyIsToldOnceAndTheOtherOneRead) {
  write("a", as_text(test::pattern(300'000, 1)));
  back_up_to_two_media();
  damage_at(150'000, "MX0001");
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 0u);
  EXPECT_EQ(result.damaged_copies, 1u);
  EXPECT_EQ(test::read_text(restored("a")), test::read_text(source("a")));
  EXPECT_THAT(reporter_.notes, testing::Contains(testing::HasSubstr("the copy on medium MX0001")));
  EXPECT_THAT(reporter_.problems, testing::IsEmpty()) << "nothing that was asked for is missing";
}

TEST_F(RestoreTest, ACopyNotedAsDamagedIsReadWhenTheGoodOneTurnsOutDamaged) {
  write("a", as_text(test::pattern(300'000, 1)));
  back_up_to_two_media();
  const std::string before = test::read_text(archive_file("MX0001"));
  damage_at(150'000, "MX0001");
  EXPECT_EQ(restore_all().trouble_count, 0u);
  const catalog::ContentId content = version_of("a").content.value();
  ASSERT_EQ(context().ledger.damaged(content).size(), 1u);
  fs::remove_all(directory_ / "out");
  test::write_text(archive_file("MX0001"), before);  // The damage was the drive's.
  damage_at(150'000, "MX0002");
  const RestoreResult result = restore_all();
  EXPECT_EQ(result.trouble_count, 0u);
  EXPECT_EQ(result.damaged_copies, 1u) << "none is read twice";
  EXPECT_EQ(test::read_text(restored("a")), test::read_text(source("a")));
  EXPECT_THAT(reporter_.notes, testing::Contains(testing::HasSubstr("the copy on medium MX0002")));
  ASSERT_EQ(context().ledger.damaged(content).size(), 1u);
  EXPECT_EQ(context().ledger.damaged(content).front().place.medium.label, "MX0002");
}

TEST_F(RestoreTest, AFileIsGivenUpWhenTheCopyNotedAsDamagedIsDamagedStill) {
  write("a", as_text(test::pattern(300'000, 1)));
  back_up_to_two_media();
  damage_at(150'000, "MX0001");
  EXPECT_EQ(restore_all().trouble_count, 0u);
  fs::remove_all(directory_ / "out");
  damage_at(150'000, "MX0002");
  const RestoreResult result = restore_all();
  ASSERT_EQ(result.trouble_count, 1u);
  EXPECT_EQ(result.damaged_copies, 2u) << "each is read once";
  EXPECT_THAT(result.troubles.front().why, testing::HasSubstr("the copy on medium MX0001"));
}

TEST_F(RestoreTest, TheMediumThatWouldHelpIsNamedWhenTheCopyHereIsDamaged) {
  write("a", as_text(test::pattern(300'000, 1)));
  back_up_to_two_media();
  damage_at(150'000, "MX0001");
  fs::remove_all(medium("MX0002"));
  const RestoreResult result = restore_all();
  ASSERT_EQ(result.trouble_count, 1u);
  EXPECT_THAT(result.troubles.front().why, testing::HasSubstr("medium MX0002 is not here"));
  EXPECT_THAT(reporter_.problems, testing::IsEmpty()) << "the result says it";
}

TEST_F(RestoreTest, NotesWhichCopiesWereReadWholeAndRightAndWhichWereNot) {
  write("a", "alpha");
  write("b", as_text(test::pattern(300'000, 2)));
  back_up();
  damage_at(150'000);
  EXPECT_EQ(restore_all().damaged_copies, 1u);
  const auto copies = context().ledger.copies_in(
      context().ledger.bundles(context().ledger.medium("MX0001")->id).front().id);
  ASSERT_EQ(copies.size(), 2u);
  for (const catalog::Copy& copy : copies) {
    const bool is_small = copy.content == version_of("a").content;
    EXPECT_TRUE(copy.verified_s.has_value());
    EXPECT_EQ(copy.state == catalog::CopyState::good, is_small);
  }
}

TEST_F(RestoreTest, AnArchiveThatNoKeyOpensDoesNotKeepTheOthersOfItsMediumAway) {
  const fs::path keys = directory_ / "home/keys";
  const auto change_keys_to = [&](const std::string& name) {
    reopen();
    for (const char* old : {"daily.identity", "recovery.identity"}) {
      fs::remove(keys / old);
    }
    const auto identity = format::Identity::generate();
    format::write_identity_file(keys / (name + ".identity"), identity, name);
    test::write_text(keys / "recipients", identity.recipient().text() + "\n");
  };
  change_keys_to("first");
  write("a", "of the first key");
  write("b", "of the first key, too");
  back_up();
  change_keys_to("second");
  write("z", "of the second key");
  back_up();
  reopen();
  fs::rename(keys / "first.identity", directory_ / "first.identity");
  const RestoreResult result = restore_all();
  EXPECT_EQ(test::read_text(restored("z")), "of the second key");
  EXPECT_EQ(result.files, 1u);
  EXPECT_EQ(result.trouble_count, 2u);
  EXPECT_EQ(result.damaged_copies, 0u);
  EXPECT_THAT(result.troubles.front().why, testing::HasSubstr("none of your keys"));
  reopen();
  fs::rename(directory_ / "first.identity", keys / "first.identity");
  EXPECT_EQ(restore_all().trouble_count, 0u);
}

TEST_F(RestoreTest, LeavesNoPartsBehind) {
  for (int i = 0; i < 300; ++i) {
    write("many/file " + std::to_string(i), as_text(test::pattern(1000, i)));
  }
  back_up();
  reporter_.source.request_stop();
  EXPECT_EQ(test::error_of([&] { return restore_all(); }), ErrorCode::cancelled);
  reporter_ = QuietReporter();
  EXPECT_EQ(restore_all().trouble_count, 0u);
  EXPECT_EQ(names_below(restored()), names_below(source()));
}

TEST_F(RestoreTest, APathThatWasNeverArchivedIsTrouble) {
  write("a", "alpha");
  back_up();
  RestoreRequest request;
  request.paths = {"/no/such/path", source("a").string()};
  request.to = (directory_ / "out").string();
  const RestoreResult result = restore(context(), request, reporter_);
  EXPECT_EQ(result.trouble_count, 1u);
  EXPECT_EQ(result.files, 1u);
}

}  // namespace
}  // namespace mixtape::service
