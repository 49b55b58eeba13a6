// SPDX-License-Identifier: Apache-2.0
#include "engine/home/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tests/support/temp_dir.h"

namespace mixtape::home {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class HomeTest : public testing::Test {
 protected:
  test::TempDir directory_;
  const fs::path home_ = fs::path(directory_.path()) / "home";

  static mode_t mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  template <typename Action>
  static Error error_of(Action action) {
    try {
      action();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return {ErrorCode::io, ""};
  }
};

TEST_F(HomeTest, InitMakesKeysCatalogAndThreeMediaForThisUserAlone) {
  Home::create(home_);
  const Home home(home_);
  EXPECT_EQ(mode_of(home_), 0700u);
  EXPECT_EQ(mode_of(home.keys()), 0700u);
  EXPECT_EQ(mode_of(home.keys() / "daily.identity"), 0600u);
  EXPECT_EQ(mode_of(home.keys() / "recovery.identity"), 0600u);
  EXPECT_EQ(home.identities().size(), 2u);
  EXPECT_EQ(home.recipients().size(), 2u);
  ASSERT_EQ(home.library_urls(), std::vector<std::string>{"dir:" + (home_ / "library").string()});
  EXPECT_EQ(tapeio::open_library(home.library_urls()[0])->media().size(), 3u);
  EXPECT_FALSE(home.recovery_kept_elsewhere());
}

TEST_F(HomeTest, InitRefusesAHomeThatHasACatalogAndLeavesItAlone) {
  Home::create(home_);
  const auto before = fs::last_write_time(home_ / "catalog.db");
  EXPECT_EQ(error_of([&] { Home::create(home_); }).code(), ErrorCode::conflict);
  EXPECT_EQ(fs::last_write_time(home_ / "catalog.db"), before);
}

TEST_F(HomeTest, AFailedInitLeavesNothingBehind) {
  fs::create_directories(home_ / "library/not a medium label!");
  std::ofstream(home_ / "keys") << "in the way";
  EXPECT_THROW(Home::create(home_), Error);
  EXPECT_FALSE(fs::exists(home_ / "catalog.db"));
  EXPECT_FALSE(fs::exists(home_ / "cache"));
  EXPECT_TRUE(fs::exists(home_ / "library/not a medium label!")) << "what was there stays";
}

TEST_F(HomeTest, AMissingHomeSaysWhatToDo) {
  const Error error = error_of([&] { const Home home(home_); });
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_THAT(error.what(), HasSubstr("mixtape init"));
}

TEST_F(HomeTest, AnIdentityThatOthersCanReadIsRefusedWithTheCommandThatMendsIt) {
  Home::create(home_);
  fs::permissions(home_ / "keys/daily.identity", fs::perms::group_read, fs::perm_options::add);
  const Error error = error_of([&] { (void)Home(home_).identities(); });
  EXPECT_EQ(error.code(), ErrorCode::not_permitted);
  EXPECT_THAT(error.what(), HasSubstr("chmod"));
}

TEST_F(HomeTest, ARecipientIsAddedOnce) {
  Home::create(home_);
  const Home home(home_);
  const format::Recipient added = format::Identity::generate().recipient();
  home.add_recipient(added, "a friend\nwith a newline");
  ASSERT_EQ(home.recipients().size(), 3u);
  EXPECT_EQ(home.recipients()[2], added);
  EXPECT_EQ(error_of([&] { home.add_recipient(added, "again"); }).code(), ErrorCode::conflict);
}

TEST_F(HomeTest, LibrariesAreNamedByWholePathsWithoutASlashAtTheEnd) {
  EXPECT_EQ(absolute_library_url("dir:library", "/home"), "dir:/home/library");
  EXPECT_EQ(absolute_library_url("dir:/mnt/usb/", "/home"), "dir:/mnt/usb");
  EXPECT_EQ(absolute_library_url("dir:", "/home"), "dir:") << "nonsense stays to be refused";
}

TEST_F(HomeTest, ASecondWriterIsToldWhoTheFirstIs) {
  Home::create(home_);
  {
    const HomeLock lock(home_, HomeLock::Role::writer, "mixtape backup /home");
    const Error error =
        error_of([&] { const HomeLock second(home_, HomeLock::Role::writer, "mixtape flush"); });
    EXPECT_EQ(error.code(), ErrorCode::locked);
    EXPECT_THAT(error.what(), HasSubstr("`mixtape backup /home` (process "));
    const HomeLock daemon(home_, HomeLock::Role::daemon, "mount.mixtape");
  }
  const HomeLock later(home_, HomeLock::Role::writer, "mixtape flush");
}

TEST_F(HomeTest, TheNoteAboutTheRecoveryKeyIsKept) {
  Home::create(home_);
  Home(home_).set_recovery_kept_elsewhere();
  EXPECT_TRUE(Home(home_).recovery_kept_elsewhere());
}

}  // namespace
}  // namespace mixtape::home
