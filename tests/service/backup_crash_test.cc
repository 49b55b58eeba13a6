// SPDX-License-Identifier: Apache-2.0
#include "engine/service/backup.h"
#include "tests/service/crash_fixture.h"

// A backup may be killed, or the disk be full or fail, at any moment: while it hashes, records or
// writes. What was there before
// stays, nothing is claimed that no medium has, and the next backup completes it.

namespace mixtape::service {
namespace {

class BackupCrashTest : public ServiceCrashTest {
 protected:
  void add(std::string_view name, const std::string& text) {
    write(name, text);
    all_[path_of(name)] = text;
  }
  void expect_nothing_lost() {
    const std::vector<std::string> written = readable(all_);
    EXPECT_TRUE(std::ranges::find(written, path_of("old")) != written.end());
    // What was hashed is kept for the next run.
    died_between_hashing_and_recording_ |= count("state.early_hash") == 3;
  }
  void expect_done() {
    expect_all_there(all_);
    EXPECT_EQ(latest(path_of("c"))->content, latest(path_of("d"))->content);
    EXPECT_FALSE(back_up().job);
  }

  Texts all_;
  bool died_between_hashing_and_recording_ = false;
};

TEST_P(BackupCrashTest, ClaimsNothingAndIsCompletedByTheNextOne) {
  configure("record_size = '64 KiB'\n");
  add("old", "backed up before");
  back_up();
  add("b", std::string(70'000, 'b'));
  add("c", "the same words");
  add("d", "the same words");
  add("e", "of that size!!");
  everywhere(
      GetParam(), [this] { back_up(); }, [this] { expect_nothing_lost(); },
      [this] { expect_done(); });
  EXPECT_TRUE(died_between_hashing_and_recording_ || GetParam() != test::Fate::killed);
}

INSTANTIATE_TEST_SUITE_P(Each, BackupCrashTest, testing::ValuesIn(test::kFates),
                         test::fate_of_case);

}  // namespace
}  // namespace mixtape::service
