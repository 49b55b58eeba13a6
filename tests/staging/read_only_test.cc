// SPDX-License-Identifier: Apache-2.0
#include <sys/xattr.h>

#include "tests/staging/staging_fixture.h"
#include "tests/support/plain_user.h"

// Trees whose directories forbid every change, as copied from a DVD, in the hands of a user whom
// modes stop.

namespace mixtape::staging {
namespace {

using Files = std::map<std::string, std::string>;

class ReadOnlyTreeTest : public StagingFixture {
 protected:
  ReadOnlyTreeTest() {
    stage("dvd/disc/a", "one");
    set_modes(0555);
  }
  // So that everybody can remove what is left.
  ~ReadOnlyTreeTest() override { set_modes(0755); }

  void set_modes(mode_t mode) const {
    for (const char* name : {"dvd/disc", "dvd"}) {
      (void)::chmod(at(name).c_str(), mode);
    }
  }
  [[nodiscard]] mode_t mode_of(const std::string& path) const {
    return status(at(path)).st_mode & 07777;
  }
  [[nodiscard]] bool no_sets() const {
    return std::filesystem::is_empty(root_ / "staging" / "flushing");
  }

  const Files all_{{"dvd/", ""}, {"dvd/disc/", ""}, {"dvd/disc/a", "one"}};
  const test::PlainUser user_;
};

TEST_F(ReadOnlyTreeTest, LeavesStagingWhenItsSetIsCommitted) {
  ASSERT_TRUE(staging_->take("job1"));
  staging_->commit("job1");
  EXPECT_TRUE(tree().empty());
  EXPECT_TRUE(no_sets());
}

TEST_F(ReadOnlyTreeTest, IsAsBeforeWhenItsSetIsGivenBack) {
  ASSERT_TRUE(staging_->take("job1"));
  staging_->give_back("job1");
  EXPECT_EQ(tree(), all_);
  EXPECT_EQ(mode_of("dvd"), 0555U);
  EXPECT_EQ(mode_of("dvd/disc"), 0555U);
  EXPECT_TRUE(no_sets());
}

TEST_F(ReadOnlyTreeTest, KeepsItsModeWhereSomethingStays) {
  ASSERT_EQ(::chmod(at("dvd/disc").c_str(), 0755), 0);
  stage("dvd/disc/open", "half");
  set_modes(0555);
  const struct stat open = status(at("dvd/disc/open"));
  staging_->opened_for_writing(open.st_dev, open.st_ino);
  ASSERT_TRUE(staging_->take("job1"));
  staging_->commit("job1");
  EXPECT_EQ(tree(), (Files{{"dvd/", ""}, {"dvd/disc/", ""}, {"dvd/disc/open", "half"}}));
  EXPECT_EQ(mode_of("dvd"), 0555U);
  EXPECT_EQ(mode_of("dvd/disc"), 0555U);
}

TEST_F(ReadOnlyTreeTest, DoesNotStopTheNextFlushWhenTakingItDied) {
  ASSERT_TRUE(staging_->take("job1"));
  std::filesystem::rename(root_ / "staging/flushing/job1", root_ / "staging/flushing/job1.taking");
  reopen();
  ASSERT_TRUE(staging_->take("job2"));
  EXPECT_EQ(staging_->leftovers().size(), 1U);
  staging_->commit("job2");
  EXPECT_TRUE(tree().empty());
  EXPECT_TRUE(no_sets());
}

TEST_F(ReadOnlyTreeTest, GivesItsFilesACopyToBeWritten) {
  const auto set = staging_->take("job1");
  ASSERT_TRUE(set);
  staging_->copy_up({"dvd/disc/a"}, Staging::Bytes::keep);
  stage("dvd/disc/a", "two");
  EXPECT_EQ(text_of(*set / "dvd/disc/a"), "one");
  EXPECT_EQ(mode_of("dvd/disc"), 0555U);
}

TEST_F(ReadOnlyTreeTest, KeepsItsXattrsInTheSet) {
  set_modes(0755);
  ASSERT_EQ(::setxattr(at("dvd").c_str(), "user.colour", "red", 3, 0), 0);
  set_modes(0555);
  const auto set = staging_->take("job1");
  ASSERT_TRUE(set);
  char colour[3];
  EXPECT_EQ(::getxattr((*set / "dvd").c_str(), "user.colour", colour, 3), 3);
}

}  // namespace
}  // namespace mixtape::staging
