// SPDX-License-Identifier: Apache-2.0
#include "engine/service/lone_medium.h"

#include <stdlib.h>
#include <sys/wait.h>

#include "engine/service/restore.h"
#include "tapeio/error.h"
#include "tests/service/service_fixture.h"

// The home of a medium that is mounted by itself: what it leaves, and whose leavings it clears
// away.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class LoneMediumTest : public ServiceTest {
 protected:
  LoneMediumTest() {
    fs::create_directories(temporary());
    ::setenv("TMPDIR", temporary().c_str(), 1);
    write("file", "text");
    back_up();
    reopen();
  }
  ~LoneMediumTest() override { ::unsetenv("TMPDIR"); }

  [[nodiscard]] fs::path temporary() const { return directory_ / "temporary"; }
  [[nodiscard]] LoneMediumRequest medium() const {
    return {
        .medium = home() / "library/MX0001", .home = home(), .library = "", .identity_file = ""};
  }
  [[nodiscard]] std::vector<fs::path> left() const {
    return {fs::directory_iterator(temporary()), fs::directory_iterator()};
  }
  void expect_all_comes_back_from(const LoneMedium& lone, const std::string& label = "MX0001") {
    Workspace workspace{home::Home(lone.home())};
    Context alone(workspace, catalog::Access::write, [] { return 4'000'000'000; });
    EXPECT_TRUE(alone.ledger.medium(label));
    RestoreRequest request;
    request.paths = {"/"};
    request.to = directory_ / "out";
    EXPECT_EQ(restore(alone, request, reporter_).trouble_count, 0U);
    EXPECT_EQ(test::read_text(directory_ / "out" / path_of("file")), "text");
  }
  // Where a process had its home that died in the middle of its mount.
  [[nodiscard]] fs::path of_a_dead_process() const {
    const pid_t child = ::fork();
    if (child == 0) {
      const LoneMedium lone(medium());
      ::_exit(0);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(left().size(), 1u);
    return left().at(0);
  }
};

TEST_F(LoneMediumTest, ItsHomeIsForThisUserAloneAndGoneWithIt) {
  {
    const LoneMedium lone(medium());
    EXPECT_EQ(fs::status(lone.home()).permissions(), fs::perms::owner_all);
    EXPECT_EQ(home::Home(lone.home()).identities().size(), home::Home(home()).identities().size());
  }
  EXPECT_TRUE(left().empty());
}

TEST_F(LoneMediumTest, NoKeyIsCopied) {
  const LoneMedium lone(medium());
  std::size_t keys = 0;
  for (const auto& entry : fs::recursive_directory_iterator(lone.home())) {
    if (entry.path().extension() == ".identity") {
      EXPECT_TRUE(entry.is_symlink()) << entry.path();
      ++keys;
    }
  }
  EXPECT_EQ(keys, 2u);
}

// Called otherwise than when it was written: that is how the mount finds it.
TEST_F(LoneMediumTest, ADirectoryThatWasRenamedIsReadUnderItsNewName) {
  fs::rename(home() / "library/MX0001", directory_ / "OTHER1");
  const LoneMedium lone(
      {.medium = directory_ / "OTHER1", .home = home(), .library = "", .identity_file = ""});
  expect_all_comes_back_from(lone, "OTHER1");
}

TEST_F(LoneMediumTest, ADamagedLabelCostsNothingButItself) {
  const fs::path label = home() / "library/MX0001/0000.archaeology.tar";
  std::string text = test::read_text(label);
  text[3] ^= 1;
  test::write_text(label, text);
  const LoneMedium lone(medium());
  expect_all_comes_back_from(lone);
}

TEST_F(LoneMediumTest, ALostDescriptionOfTheDirectoryCostsNothingButItself) {
  fs::remove(home() / "library/MX0001/mixtape-medium");
  const LoneMedium lone(medium());
  expect_all_comes_back_from(lone);
}

TEST_F(LoneMediumTest, StoppedWhileItBeginsItLeavesNothing) {
  std::stop_source stopped;
  stopped.request_stop();
  try {
    const LoneMedium lone(medium(), stopped.get_token());
    FAIL() << "it was not stopped";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
  EXPECT_TRUE(left().empty());
}

TEST_F(LoneMediumTest, WhatADeadProcessLeftIsClearedAwayByTheNext) {
  const fs::path dead = of_a_dead_process();
  const LoneMedium lone(medium());
  EXPECT_EQ(left(), std::vector<fs::path>{lone.home()});
  EXPECT_NE(lone.home(), dead);
  // The keys to which the dead one referred are still there.
  EXPECT_EQ(home::Home(home()).identities().size(), 2u);
}

TEST_F(LoneMediumTest, TheHomeOfALivingOneStays) {
  const LoneMedium living(medium());
  const LoneMedium other(medium());
  EXPECT_TRUE(fs::exists(living.home() / "catalog.db"));
}

TEST_F(LoneMediumTest, WhatIsNotOursStaysWhateverItIsCalled) {
  const fs::path dead = of_a_dead_process();
  const fs::path elsewhere = directory_ / "elsewhere";
  fs::rename(dead, elsewhere);
  // Reached by a link; readable by others; without our lock; called otherwise.
  fs::create_symlink(elsewhere, temporary() / "mixtape-linked");
  fs::copy(elsewhere, temporary() / "mixtape-opened");
  fs::permissions(temporary() / "mixtape-opened", fs::perms(0755));
  test::write_text(temporary() / "mixtape-nolock/file", "text");
  fs::permissions(temporary() / "mixtape-nolock", fs::perms::owner_all);
  fs::copy(elsewhere, temporary() / "something");
  fs::permissions(temporary() / "something", fs::perms::owner_all);
  {
    const LoneMedium lone(medium());
    EXPECT_EQ(left().size(), 5u);
  }
  EXPECT_EQ(left().size(), 4u);
  EXPECT_TRUE(fs::exists(elsewhere / "catalog.db"));
  EXPECT_TRUE(fs::exists(temporary() / "mixtape-nolock/file"));
}

}  // namespace
}  // namespace mixtape::service
