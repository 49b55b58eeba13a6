// SPDX-License-Identifier: Apache-2.0
#include "engine/service/libraries.h"

#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include "engine/format/age_keys.h"
#include "engine/service/restore.h"
#include "engine/service/status.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"

// Disks are attached and taken away, directories are swapped, and a daemon outlives it all.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LibrariesTest : public ServiceTest {
 protected:
  [[nodiscard]] fs::path disk() const { return directory_ / "disk"; }
  [[nodiscard]] std::string url() const { return "dir:" + disk().string(); }
  [[nodiscard]] fs::path medium(const std::string& label) const {
    return home() / "library" / label;
  }
  void swap_media() {
    fs::rename(medium("MX0001"), medium("aside"));
    fs::rename(medium("MX0002"), medium("MX0001"));
    fs::rename(medium("aside"), medium("MX0002"));
  }
  MediumStatus status(const std::string& label) {
    for (MediumStatus& each : media_status(context())) {
      if (each.known && each.medium.label == label) {
        return each;
      }
    }
    return {};
  }
};

TEST_F(LibrariesTest, OneThatWasAwayIsThereOnceItsDiskIs) {
  Libraries libraries({url()});
  EXPECT_THAT(libraries.here(), IsEmpty());
  EXPECT_THAT(libraries.absent(), ElementsAre(HasSubstr(disk().string())));
  fs::create_directory(disk());
  ASSERT_THAT(libraries.here(), SizeIs(1));
  libraries.here()[0]->add_medium("A", MiB);
  EXPECT_TRUE(libraries.find("A").has_value());
  EXPECT_THAT(libraries.absent(), IsEmpty());
}

TEST_F(LibrariesTest, OneThatWentAwayIsAbsentUntilItIsBack) {
  fs::create_directory(disk());
  Libraries libraries({"dir:" + (home() / "library").string(), url()});
  ASSERT_THAT(libraries.here(), SizeIs(2));
  fs::rename(disk(), directory_ / "carried off");
  EXPECT_THAT(libraries.here(), SizeIs(1)) << "the other one is still there";
  EXPECT_THAT(libraries.slots(), SizeIs(3));
  EXPECT_THAT(libraries.absent(), ElementsAre(HasSubstr(disk().string())));
  fs::rename(directory_ / "carried off", disk());
  EXPECT_THAT(libraries.here(), SizeIs(2));
}

// A host that is asked for the first time when it is away, and then answers when it is told to.
class SlowLibraryTest : public LibrariesTest {
 protected:
  SlowLibraryTest() {
    fs::create_directory(disk());
    options_.open_again = std::chrono::milliseconds(0);
    options_.open = [this](const std::string& wanted) {
      if (wanted != url()) {
        if (++opened_ == 1) {
          throw Error(ErrorCode::io, "log in to the host: no answer");
        }
        asked_.count_down();
        answered_.wait();
      }
      return tapeio::open_library(url());
    };
  }
  // Calls `meanwhile` while somebody else waits for the host.
  void while_opening(const std::function<void(Libraries&)>& meanwhile) {
    Libraries libraries({"changer:iscsi://host/target/0", url()}, options_);
    std::thread slow([&] { EXPECT_THAT(libraries.here(), SizeIs(2)); });
    asked_.wait();
    meanwhile(libraries);
    if (!answered_.try_wait()) {
      answered_.count_down();
    }
    slow.join();
    EXPECT_EQ(opened_, 2);
  }

  LibrariesOptions options_;
  std::atomic<int> opened_ = 0;
  std::latch asked_{1}, answered_{1};
};

TEST_F(SlowLibraryTest, WhileOneIsBeingOpenedTheOthersAreThereForWhoeverGlances) {
  while_opening([&](Libraries& libraries) {
    EXPECT_THAT(libraries.absent(), ElementsAre(HasSubstr("another command is opening it")));
    EXPECT_THAT(libraries.slots(Libraries::Look::glance), IsEmpty());
  });
}

TEST_F(SlowLibraryTest, OneThatIsBeingOpenedIsWaitedForByWhoeverWantsMedia) {
  while_opening([&](Libraries& libraries) {
    std::thread host([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      answered_.count_down();
    });
    EXPECT_THAT(libraries.here(), SizeIs(2));
    host.join();
  });
}

TEST_F(SlowLibraryTest, AStopEndsThatWait) {
  while_opening([&](Libraries& libraries) {
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(test::error_of([&] { return libraries.here(stop.get_token()); }),
              ErrorCode::cancelled);
    EXPECT_EQ(
        test::error_of([&] { return libraries.slots(Libraries::Look::read, stop.get_token()); }),
        ErrorCode::cancelled);
  });
}

TEST_F(SlowLibraryTest, ThatWaitHasAnEnd) {
  options_.open_within = std::chrono::milliseconds(0);
  while_opening([&](Libraries& libraries) { EXPECT_THAT(libraries.here(), SizeIs(1)); });
}

TEST_F(LibrariesTest, OneThatAnotherProgramHoldsLeavesTheOthersAlone) {
  fs::create_directory(disk());
  LibrariesOptions options;
  options.open = [&](const std::string& wanted) -> std::unique_ptr<tapeio::Library> {
    if (wanted == url()) {
      return tapeio::open_library(wanted);
    }
    throw Error(ErrorCode::locked, "open /dev/sg4: another program is using it");
  };
  Libraries libraries({"changer:/dev/sg4", url()}, options);
  EXPECT_THAT(libraries.here(), SizeIs(1));
  EXPECT_THAT(libraries.absent(), ElementsAre(HasSubstr("another program")));
}

TEST_F(LibrariesTest, AHostThatDidNotAnswerIsLeftAloneForAWhile) {
  int opened = 0;
  LibrariesOptions options;
  options.open_again = std::chrono::hours(1);
  options.open = [&](const std::string&) -> std::unique_ptr<tapeio::Library> {
    ++opened;
    throw Error(ErrorCode::io, "log in to the host: no answer");
  };
  Libraries libraries({"changer:iscsi://host/target/0"}, options);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(libraries.absent(), ElementsAre(HasSubstr("no answer")));
  }
  EXPECT_EQ(opened, 1);
}

TEST_F(LibrariesTest, AUrlThatNoLibraryCanHaveIsRefusedAtOnce) {
  EXPECT_EQ(test::error_of([] { return Libraries({"tape:/nowhere"}).urls(); }), ErrorCode::invalid);
}

TEST_F(LibrariesTest, AWrongUrlAmongThemLeavesWhatIsInUseAlone) {
  const std::string good = "dir:" + (home() / "library").string();
  Libraries libraries({good});
  tapeio::Library* const in_use = libraries.here()[0];
  EXPECT_EQ(test::error_of([&] {
              libraries.use({good, "dri:/mnt/usb"});
              return 0;
            }),
            ErrorCode::invalid);
  EXPECT_THAT(libraries.here(), ElementsAre(in_use));
  EXPECT_THAT(in_use->media(), SizeIs(3));
}

TEST_F(LibrariesTest, TheOrderIsThatOfTheConfigurationAlsoWhenItChanges) {
  fs::create_directory(disk());
  const std::string good = "dir:" + (home() / "library").string();
  Libraries libraries({good, good, url()});
  EXPECT_THAT(libraries.urls(), ElementsAre(good, url()));
  libraries.use({url(), good});
  EXPECT_THAT(libraries.urls(), ElementsAre(url(), good));
  libraries.use({url()});
  EXPECT_THAT(libraries.here(), SizeIs(1));
}

TEST_F(LibrariesTest, AMediumThatOnlyHasTheNameIsNotIt) {
  write("a", "one");
  back_up();
  const catalog::Medium wanted = context().ledger.medium("MX0001").value();
  EXPECT_TRUE(workspace_->libraries().find(wanted, context().ledger).medium.has_value());
  swap_media();
  const Libraries::Lookup found = workspace_->libraries().find(wanted, context().ledger);
  EXPECT_FALSE(found.medium.has_value());
  EXPECT_THAT(found.why_not, HasSubstr("blank"));
  EXPECT_FALSE(status("MX0001").here);
  EXPECT_THAT(status("MX0001").why_not, HasSubstr("blank"));
}

TEST_F(LibrariesTest, AMediumOfANewerFormatIsSaidToBeOne) {
  write("a", "one");
  back_up();
  test::write_text(medium("MX0001") / "mixtape-medium",
                   "format = 2\ncapacity_bytes = 1000000\nrecord_size = 1048576\n");
  RestoreRequest request;
  request.paths = {path_of("a")};
  request.to = (directory_ / "back").string();
  const RestoreResult result = restore(context(), request, reporter_);
  ASSERT_THAT(result.troubles, SizeIs(1));
  EXPECT_THAT(result.troubles[0].why, HasSubstr("format"));
}

TEST_F(LibrariesTest, AMarkedLabelIsLookedForUnderTheNameOnTheMedium) {
  catalog::Medium medium;
  medium.label = "MX0001~3fa94c1b";
  EXPECT_TRUE(may_be("MX0001", medium));
  EXPECT_TRUE(may_be("MX0001~3fa94c1b", medium));
  EXPECT_FALSE(may_be("MX000", medium));
  EXPECT_FALSE(may_be("MX0002", medium));
}

TEST_F(LibrariesTest, TheNextCommandSeesWhatWasConfiguredMeanwhile) {
  EXPECT_EQ(context().config().copies, 1u);
  EXPECT_THAT(context().recipients(), SizeIs(2));
  configure("copies = 2\nlibraries = [\"dir:library\", \"" + url() + "/\"]\n");
  workspace_->home().add_recipient(format::Identity::generate().recipient(), "a friend");
  fs::create_directory(disk());
  EXPECT_EQ(context().config().copies, 1u) << "a command has one idea of it";
  Context next(*workspace_, catalog::Access::write);
  EXPECT_EQ(next.config().copies, 2u);
  EXPECT_THAT(next.recipients(), SizeIs(3));
  EXPECT_THAT(workspace_->libraries().here(), SizeIs(2));
}

}  // namespace
}  // namespace mixtape::service
