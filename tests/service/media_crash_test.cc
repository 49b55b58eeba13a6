// SPDX-License-Identifier: Apache-2.0
#include "engine/service/forget.h"
#include "engine/service/media.h"
#include "engine/service/media_state.h"
#include "tests/service/crash_fixture.h"

// Making a medium, naming it, taking a path out of `latest`: interrupted anywhere, completed by the
// next run, and what was written before is there.

namespace mixtape::service {
namespace {

class MediaCrashTest : public ServiceCrashTest {
 protected:
  void SetUp() override {
    configure("record_size = '64 KiB'\n");
    write("old", all_.begin()->second);
    all_ = {{path_of("old"), "backed up before"}};
    back_up();
    // So that the next job goes to the medium that the test makes.
    for (const char* empty : {"MX0002", "MX0003"}) {
      std::filesystem::remove_all(home() / "library" / empty);
    }
  }
  bool is_here(const std::string& label) {
    return context().workspace.libraries().find(label).has_value();
  }
  // Of this medium, and a job on it is whole.
  void expect_takes_a_job(const std::string& label) {
    for (const catalog::Medium& medium : context().ledger.media()) {
      if (medium.label != label && medium.state != catalog::MediumState::retired) {
        retire_medium(context(), medium.label);
      }
    }
    ASSERT_TRUE(back_up().job);
    EXPECT_EQ(readable(all_).size(), 1U);
    bool there = false;
    for (const catalog::CopyPlace& place :
         context().ledger.places(*latest(path_of("old"))->content)) {
      there |= place.medium.label == label;
    }
    EXPECT_TRUE(there);
  }

  Texts all_{{"", "backed up before"}};
};

TEST_P(MediaCrashTest, AMediumIsMadeWholeOrNotAtAll) {
  everywhere(
      GetParam(),
      [this] {
        if (!is_here("MX0009")) {
          (void)add_medium(context(), "MX0009", {}, 64 * MiB);
        }
      },
      [this] { EXPECT_EQ(readable(all_).size(), 1U); }, [this] { expect_takes_a_job("MX0009"); });
}

TEST_P(MediaCrashTest, AMediumThatGotItsNameOnlyInPartGetsItAgain) {
  (void)add_medium(context(), "MX0009", {}, 64 * MiB);
  everywhere(
      GetParam(),
      [this] {
        if (!context().ledger.medium("MX0009")) {
          label_medium(context(), "MX0009", false, reporter_);
        }
      },
      [this] { EXPECT_EQ(readable(all_).size(), 1U); }, [this] { expect_takes_a_job("MX0009"); });
}

TEST_P(MediaCrashTest, WhatWasForgottenInPartIsForgottenByTheNextRun) {
  everywhere(
      GetParam(),
      [this] {
        if (latest(path_of("old"))) {
          (void)forget(context(), {path_of("old")}, "mixtape forget", reporter_);
        }
      },
      [this] {
        EXPECT_EQ(catalog::check_catalog(context().database), "");
        EXPECT_EQ(context().tree.snapshots().empty(), false);
      },
      [this] {
        EXPECT_FALSE(latest(path_of("old")));
        const auto path = context().tree.find_path(path_of("old"));
        ASSERT_TRUE(path);
        EXPECT_EQ(context().tree.history(*path).size(), 1U);
      });
}

INSTANTIATE_TEST_SUITE_P(Each, MediaCrashTest, testing::ValuesIn(test::kFates), test::fate_of_case);

}  // namespace
}  // namespace mixtape::service
