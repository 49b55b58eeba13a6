// SPDX-License-Identifier: Apache-2.0
#include "engine/home/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "engine/home/home_lock.h"
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

TEST_F(HomeTest, AnInitThatDiedIsCompletedWithTheKeysThatItMade) {
  Home::create(home_);
  const std::string daily = test::read_text(home_ / "keys/daily.identity");
  // As after a death between the keys and the list of who can read.
  fs::remove(home_ / "catalog.db");
  fs::remove(home_ / "keys/recipients");
  fs::remove(home_ / "keys/recovery.identity");
  Home::create(home_);
  EXPECT_EQ(test::read_text(home_ / "keys/daily.identity"), daily);
  EXPECT_EQ(Home(home_).recipients().size(), 2U);
  EXPECT_EQ(Home(home_).recipients().front().text(),
            Home(home_).identities().front().recipient().text());
}

TEST_F(HomeTest, ADirectoryWithSomethingElseInItBecomesNoHome) {
  fs::create_directories(home_);
  test::write_text(home_ / "letter.odt", "mine");
  const Error refused = error_of([&] { Home::create(home_); });
  EXPECT_EQ(refused.code(), ErrorCode::conflict);
  EXPECT_THAT(refused.what(), testing::HasSubstr("letter.odt"));
  EXPECT_FALSE(fs::exists(home_ / "keys"));
  // What a mount or a configuration made beforehand left is no obstacle, nor is a new file system.
  fs::remove(home_ / "letter.odt");
  test::write_text(home_ / "mixtape.toml", "");
  fs::create_directories(home_ / "lost+found");
  Home::create(home_);
}

TEST_F(HomeTest, AFailedInitRemovesNothingThatItFound) {
  fs::create_directories(home_ / "keys");
  fs::create_directories(home_ / "library");
  test::write_text(home_ / "keys/daily.identity", "no identity");
  test::write_text(home_ / "library/photo", "mine");
  EXPECT_THROW(Home::create(home_), Error);
  EXPECT_EQ(test::read_text(home_ / "keys/daily.identity"), "no identity");
  fs::remove(home_ / "keys/daily.identity");
  // Here the catalog fails, when all else was made.
  fs::create_directories(home_ / "catalog.db.new/in the way");
  EXPECT_THROW(Home::create(home_), Error);
  EXPECT_EQ(test::read_text(home_ / "library/photo"), "mine");
  EXPECT_FALSE(fs::exists(home_ / "library/MX0001"));
}

TEST_F(HomeTest, OfTwoWhoMakeOneHomeOneDoes) {
  for (int round = 0; round < 5; ++round) {
    fs::remove_all(home_);
    std::atomic<int> made{0};
    const auto make = [&] {
      try {
        Home::create(home_);
        ++made;
      } catch (const Error&) {
      }
    };
    std::thread other(make);
    make();
    other.join();
    ASSERT_EQ(made, 1);
    EXPECT_EQ(Home(home_).identities().size(), 2U);
    EXPECT_EQ(Home(home_).recipients().size(), 2U);
    EXPECT_TRUE(fs::exists(home_ / "library/MX0003"));
  }
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

class PrepareTest : public HomeTest {
 protected:
  PrepareTest() {
    fs::create_directories(old_);
    format::write_identity_file(paper_, identity_, "from a drawer");
  }
  std::vector<std::string> prepare(const std::string& library) {
    return Home::prepare(home_, paper_, {identity_.recipient()}, library);
  }
  std::string text_of(const std::string& name) const { return test::read_text(home_ / name); }

  const fs::path old_ = fs::path(directory_.path()) / "old \"library\"";
  const fs::path paper_ = fs::path(directory_.path()) / "paper";
  const format::Identity identity_ = format::Identity::generate();
};

TEST_F(PrepareTest, AHomeThatIsThereGetsTheLibraryAndTheIdentityAndSaysSo) {
  Home::create(home_);
  const std::vector<std::string> said = prepare("dir:" + old_.string());
  ASSERT_EQ(said.size(), 2u);
  EXPECT_THAT(said[0], HasSubstr(old_.string()));
  EXPECT_THAT(said[1], HasSubstr(identity_.recipient().text()));
  const Home home(home_);
  EXPECT_EQ(home.library_urls().size(), 2u);
  EXPECT_EQ(home.recipients().size(), 3u);
  EXPECT_EQ(home.identities().size(), 3u);
  EXPECT_EQ(mode_of(home_ / "mixtape.toml"), 0600u);
  EXPECT_THAT(text_of("mixtape.toml"), HasSubstr("#libraries")) << "comments are kept";
}

TEST_F(PrepareTest, TheSecondTimeNothingChanges) {
  Home::create(home_);
  (void)prepare("dir:" + old_.string());
  const std::string config = text_of("mixtape.toml"), recipients = text_of("keys/recipients");
  EXPECT_TRUE(prepare("dir:" + old_.string() + "/").empty());
  EXPECT_TRUE(prepare("dir:library").empty());
  EXPECT_TRUE(prepare("dir:" + (home_ / "library").string()).empty());
  EXPECT_EQ(text_of("mixtape.toml"), config);
  EXPECT_EQ(text_of("keys/recipients"), recipients);
  EXPECT_EQ(Home(home_).identities().size(), 3u);
}

TEST_F(PrepareTest, AFileWithoutAPlaceForTheLibraryStaysAndTheUserIsToldWhatToAdd) {
  Home::create(home_);
  const std::string config = text_of("mixtape.toml");
  const std::vector<std::string> said = prepare("dir:/no \xff utf-8");
  ASSERT_FALSE(said.empty());
  EXPECT_THAT(said[0], HasSubstr("add \"dir:/no \xff utf-8\" to the list `libraries`"));
  EXPECT_EQ(text_of("mixtape.toml"), config);
}

TEST_F(PrepareTest, ANewHomeHasTheLibraryWhateverItsNameIs) {
  EXPECT_TRUE(prepare("dir:" + old_.string()).empty());
  catalog::create_catalog(home_ / "catalog.db", "test");
  EXPECT_EQ(Home(home_).library_urls().size(), 1u);
  EXPECT_EQ(Home(home_).recipients().size(), 1u);
}

TEST_F(HomeTest, WhoeverKeepsAHomeBusyIsNamedWithWhatToDo) {
  Home::create(home_);
  const auto refusal = [&](HomeLock::Role role) {
    return std::string(error_of([&] { const HomeLock second(home_, role, "second"); }).what());
  };
  {
    const HomeLock mount(home_, HomeLock::Role::daemon, "mount.mixtape /mnt/tapes");
    EXPECT_THAT(refusal(HomeLock::Role::recovery),
                testing::AllOf(HasSubstr("home " + home_.string() +
                                         " is mounted already, by "
                                         "`mount.mixtape /mnt/tapes` (process "),
                               HasSubstr("unmount it first")));
  }
  const HomeLock recovery(home_, HomeLock::Role::recovery, "mixtape recover");
  EXPECT_THAT(refusal(HomeLock::Role::daemon),
              HasSubstr("is being recovered by `mixtape recover`"));
}

TEST_F(HomeTest, WhoMountsAgainWaitsForAMountThatIsEnding) {
  Home::create(home_);
  auto ending = std::make_unique<HomeLock>(home_, HomeLock::Role::daemon, "mount.mixtape /mnt");
  ending->say_ending();
  // Longer than anybody waits for a mount that is not ending.
  std::jthread end([&] {
    std::this_thread::sleep_for(2 * HomeLock::kPatience);
    ending.reset();
  });
  EXPECT_NO_THROW(HomeLock(home_, HomeLock::Role::daemon, "mount.mixtape /mnt"));
}

TEST_F(HomeTest, WhoMountsAgainWaitsAMomentForAMountThatHasNotSaidYetThatItEnds) {
  Home::create(home_);
  auto ended = std::make_unique<HomeLock>(home_, HomeLock::Role::daemon, "mount.mixtape /mnt");
  std::jthread end([&] {
    std::this_thread::sleep_for(HomeLock::kPatience / 4);
    ended.reset();
  });
  EXPECT_NO_THROW(HomeLock(home_, HomeLock::Role::daemon, "mount.mixtape /mnt"));
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
