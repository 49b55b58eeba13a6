// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "engine/service/forget.h"
#include "tests/service/crash_fixture.h"
#include "tests/service/release_fixture.h"

// A release dies at any of its changes on disk. What it deleted stays in `latest`; what it did not
// come to, and the next job still finds, belongs to its scan as before: when its owner deletes it
// himself later, the backup after that says so.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class ReleaseCrashTest : public ReleaseTest {
 protected:
  ReleaseCrashTest() {
    verify_all();
    reopen();
    ClaimsTest::copy_tree(home(), before_ / "home");
    ClaimsTest::copy_tree(source(), before_ / "source");
  }
  void bring_back() {
    reopen();
    for (const auto& [part, kept] :
         {std::pair(home(), before_ / "home"), std::pair(source(), before_ / "source")}) {
      fs::remove_all(part);
      ClaimsTest::copy_tree(kept, part);
    }
  }
  // "a" is deleted, "b" noted and still here.
  void die_in_the_middle() {
    static std::uint64_t change = 0;  // Once found it is the same for all tests.
    for (; is_here("a") || !is_here("b"); change += is_here("a") ? 1 : 0) {
      bring_back();
      ASSERT_TRUE(die_before(change)) << "it never died in the middle";
    }
    ASSERT_TRUE(fs::exists(note_));
  }
  bool die_before(std::uint64_t change) {
    const bool met = test::meets(test::Fate::killed, change, [&] { (void)release_all(); }).met;
    now_s_ += 1000;
    return met;
  }
  [[nodiscard]] std::vector<std::string> what_is_left() const {
    std::vector<std::string> left;
    std::ranges::copy_if(kNames, std::back_inserter(left),
                         [&](const std::string& name) { return is_here(name); });
    return left;
  }
  void back_up_elsewhere() {
    BackupRequest other = request();
    other.roots = {elsewhere_.string()};
    (void)backup(context(), other, reporter_);
  }
  void edit_roots(const std::string& sql) {
    context().database.execute("PRAGMA foreign_keys = OFF; " + sql);
    reopen();
  }

  const std::vector<std::string> kNames{"a", "b", "dir/c"};
  const fs::path elsewhere_ = root_.parent_path() / "elsewhere";
  const fs::path note_ = home() / "scratch" / "releasing";
  const fs::path before_ = make_directory();

 private:
  fs::path make_directory() const {
    fs::create_directory(directory_ / "before");
    return directory_ / "before";
  }
};

TEST_F(ReleaseCrashTest, OnlyWhatItDeletedStaysInLatest) {
  test::CountedCases cases("release, deaths before changes on disk");
  std::uint64_t some = 0;
  bool met = true;
  for (std::uint64_t change = 0; met && !cases.is_hopeless(); ++change) {
    SCOPED_TRACE("killed before change " + std::to_string(change));
    bring_back();
    cases.run([&] {
      met = die_before(change);
      const std::vector<std::string> left = what_is_left();
      some += !left.empty() && left.size() < kNames.size() ? 1 : 0;
      write("other", "so that there is something to scan");
      (void)back_up();
      for (const std::string& file : left) {
        remove(file);
      }
      (void)back_up();
      for (const std::string& file : kNames) {
        const bool was_left = std::ranges::find(left, file) != left.end();
        EXPECT_EQ(latest(path_of(file)).has_value(), !was_left) << file;
      }
    });
  }
  EXPECT_GT(some, 0U) << "it never died in the middle";
}

TEST_F(ReleaseCrashTest, WhatIsOnADiskThatIsNotMountedWaitsForIt) {
  test::write_text(elsewhere_ / "other", "of another scan");
  die_in_the_middle();
  fs::rename(source(), directory_ / "away");
  back_up_elsewhere();
  fs::rename(directory_ / "away", source());
  (void)back_up();
  remove("b");
  (void)back_up();
  EXPECT_FALSE(latest(path_of("b")));
  EXPECT_TRUE(latest(path_of("a")));
}

TEST_F(ReleaseCrashTest, AnEditedFileWaitsForTheScanThatSeesIt) {
  die_in_the_middle();
  write("b", "beta, edited since");
  (void)flush_now();
  EXPECT_TRUE(fs::exists(note_));
  (void)back_up();
  (void)back_up();
  EXPECT_FALSE(fs::exists(note_));
}

// Roots have other numbers in a catalog that was made anew.
TEST_F(ReleaseCrashTest, RootsAreKnownByTheirPathsWhateverTheirNumbersAre) {
  die_in_the_middle();
  edit_roots(
      "UPDATE root SET id = id + 7 WHERE id <> 0; UPDATE attribute SET root = root + 7 "
      "WHERE root <> 0");
  ASSERT_NO_THROW((void)back_up());
  remove("b");
  (void)back_up();
  EXPECT_FALSE(latest(path_of("b")));
  EXPECT_THAT(reporter_.problems, testing::IsEmpty());
}

TEST_F(ReleaseCrashTest, ARootThatTheCatalogDoesNotHaveIsToldOnceAndStopsNothing) {
  die_in_the_middle();
  edit_roots("UPDATE root SET path = CAST('/elsewhere' AS BLOB) WHERE id <> 0");
  ASSERT_NO_THROW((void)back_up());
  EXPECT_THAT(reporter_.problems, testing::ElementsAre(testing::HasSubstr(source().string())));
  EXPECT_FALSE(fs::exists(note_));
}

// One that root left is not for the user to read.
TEST_F(ReleaseCrashTest, ANoteThatCannotBeReadStaysAndStopsNoBackup) {
  die_in_the_middle();
  fs::permissions(note_, fs::perms::none);
  as_nobody([&] {
    ASSERT_NO_THROW((void)back_up());
    EXPECT_THAT(reporter_.problems, testing::ElementsAre(testing::HasSubstr(note_.string())));
    // It would lose what is noted there.
    EXPECT_THROW((void)release_all(), Error);
    EXPECT_TRUE(is_here("b"));
    fs::permissions(note_, fs::perms::owner_all);
    (void)back_up();
    EXPECT_FALSE(fs::exists(note_));
    remove("b");
    (void)back_up();
    EXPECT_FALSE(latest(path_of("b")));
  });
}

TEST_F(ReleaseCrashTest, AnotherReleaseKeepsWhatIsStillNoted) {
  die_in_the_middle();
  fs::rename(source(), directory_ / "away");
  test::write_text(elsewhere_ / "other", "of another scan");
  back_up_elsewhere();
  verify_all();
  const ReleaseResult released =
      release(context(), {.paths = {elsewhere_.string()}, .remove = true}, reporter_);
  EXPECT_THAT(names(released.released), testing::ElementsAre("other"));
  fs::rename(directory_ / "away", source());
  (void)back_up();
  remove("b");
  (void)back_up();
  EXPECT_FALSE(latest(path_of("b")));
  EXPECT_TRUE(latest((elsewhere_ / "other").relative_path().string()));
}

}  // namespace
}  // namespace mixtape::service
