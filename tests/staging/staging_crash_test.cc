// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "tests/staging/staging_fixture.h"

// The process dies before the kth change of the staging directory, for every k.

namespace mixtape::staging {
namespace {

using Files = std::map<std::string, std::string>;

struct PowerCut {};

class StagingCrashTest : public StagingFixture {
 protected:
  // Runs `operation` on the directory that `prepare` makes, cuts before change 0, 1, 2, ... until
  // it runs through, and hands what a new process finds to `check`.
  void cut_everywhere(const std::function<void()>& prepare, const std::function<void()>& operation,
                      const std::function<void(bool finished)>& check) {
    for (int cut = 0;; ++cut) {
      SCOPED_TRACE("cut before change " + std::to_string(cut));
      staging_.reset();
      std::filesystem::remove_all(root_ / "staging");
      int left = -1;
      reopen([&left] {
        if (left == 0) {
          throw PowerCut();  // From now on: a dead process changes nothing more.
        }
        left -= left > 0 ? 1 : 0;
      });
      prepare();
      left = cut;
      bool finished = true;
      try {
        operation();
      } catch (const PowerCut&) {
        finished = false;
      }
      reopen();
      check(finished);
      if (finished || HasFailure()) {
        return;
      }
      ASSERT_LT(cut, 100);
    }
  }

  void stage_some() {
    stage("dir/a", "one");
    stage("dir/deep/b", "two");
    stage("c", "three");
    std::filesystem::create_directory(at("empty"));
  }

  // A restarted program settles what it finds as the catalog says: here, the job never got there.
  void give_all_back() {
    for (const Staging::Leftover& left : staging_->leftovers()) {
      EXPECT_FALSE(left.committed);
      staging_->give_back(left.set_name);
    }
  }

  const Files all_{{"c", "three"},    {"dir/", ""},          {"dir/a", "one"},
                   {"dir/deep/", ""}, {"dir/deep/b", "two"}, {"empty/", ""}};
};

TEST_F(StagingCrashTest, TakingLosesNothingFromTheTree) {
  cut_everywhere([this] { stage_some(); }, [this] { (void)staging_->take("job1"); },
                 [this](bool finished) {
                   EXPECT_EQ(tree(), all_);
                   EXPECT_EQ(staging_->leftovers().size(), finished ? 1U : 0U);
                   const struct stat now = status(at("c"));
                   EXPECT_EQ(now.st_nlink - staging_->names_in_sets(now.st_dev, now.st_ino), 1U);
                   give_all_back();
                   EXPECT_EQ(tree(), all_);
                   (void)staging_->take("job2");
                   give_all_back();
                   EXPECT_TRUE(std::filesystem::is_empty(root_ / "staging" / "flushing"));
                   EXPECT_EQ(status(at("c")).st_nlink, 1U);
                 });
}

TEST_F(StagingCrashTest, CommittingIsCompletedByRepeatingIt) {
  cut_everywhere(
      [this] {
        stage_some();
        (void)staging_->take("job1");
        stage("dir/late", "new");
      },
      [this] { staging_->commit("job1"); },
      [this](bool finished) {
        // Nothing that the set does not hold may go, whatever happens.
        EXPECT_EQ(text_of(at("dir/late")), "new");
        const auto left = staging_->leftovers();
        if (!finished) {
          ASSERT_EQ(left.size(), 1U);
          if (!left[0].committed) {
            EXPECT_EQ(files_below(root_ / "staging" / "flushing" / "job1"), all_);
          }
          staging_->commit("job1");
        }
        EXPECT_EQ(tree(), (Files{{"dir/", ""}, {"dir/late", "new"}}));
        EXPECT_TRUE(staging_->leftovers().empty());
        EXPECT_TRUE(std::filesystem::is_empty(root_ / "staging" / "flushing"));
      });
}

TEST_F(StagingCrashTest, GivingBackIsCompletedByRepeatingIt) {
  cut_everywhere(
      [this] {
        stage_some();
        (void)staging_->take("job1");
      },
      [this] { staging_->give_back("job1"); },
      [this](bool) {
        EXPECT_EQ(tree(), all_);
        give_all_back();
        EXPECT_EQ(tree(), all_);
        EXPECT_TRUE(std::filesystem::is_empty(root_ / "staging" / "flushing"));
      });
}

TEST_F(StagingCrashTest, CopyingUpLeavesTheOldOrTheNewFileUnderEachName) {
  cut_everywhere(
      [this] {
        stage("a", "one");
        std::filesystem::create_hard_link(at("a"), at("b"));
        (void)staging_->take("job1");
      },
      [this] { staging_->copy_up({"a"}, Staging::Bytes::keep); },
      [this](bool) {
        EXPECT_EQ(tree(), (Files{{"a", "one"}, {"b", "one"}}));
        EXPECT_EQ(files_below(root_ / "staging" / "flushing" / "job1"), tree());
        staging_->drop_half_copies();
        EXPECT_TRUE(std::filesystem::is_empty(root_ / "staging" / "copying"));
      });
}

}  // namespace
}  // namespace mixtape::staging
