// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recover.h"

#include "tests/service/crash_fixture.h"

// The home is lost, and while it is made anew from the media the process is killed, or the disk is
// full or fails. What there is by then is not taken for more than it is, the media stay as they
// are, and the next run completes it.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class RecoverCrashTest : public ServiceCrashTest {
 protected:
  void back_up_file(std::string_view name, const std::string& text) {
    write(name, text);
    all_[path_of(name)] = text;
    back_up();
  }
  void lose_home() {
    reopen();
    fs::rename(home() / "library", shelf_);
    fs::copy_file(home() / "keys/recovery.identity", paper_);
    fs::remove_all(home());
  }
  void recover_now() {
    reopen();
    (void)recover({home(), "dir:" + shelf_.string(), paper_, "mixtape recover"}, reporter_);
  }
  void expect_nothing_false() {
    try {
      context();
    } catch (const Error&) {
      return;  // There is no home yet.
    }
    // A catalog that knows nothing yet says so.
    if (count("medium") > 0) {
      EXPECT_EQ(readable(all_).size(), all_.size());
    }
  }

  const fs::path shelf_ = directory_ / "shelf";
  const fs::path paper_ = directory_ / "paper";
  Texts all_;
};

TEST_P(RecoverCrashTest, KnowsNothingOrAllAndIsCompletedByTheNextOne) {
  configure("record_size = '64 KiB'\n");
  back_up_file("a", "the first");
  back_up_file("b", std::string(70'000, 'b'));
  lose_home();
  everywhere(
      GetParam(), [this] { recover_now(); }, [this] { expect_nothing_false(); },
      [this] {
        expect_all_there(all_);
        EXPECT_EQ(context().tree.snapshots().size(), 2U);
      });
}

INSTANTIATE_TEST_SUITE_P(Each, RecoverCrashTest, testing::ValuesIn(test::kFates),
                         test::fate_of_case);

}  // namespace
}  // namespace mixtape::service
