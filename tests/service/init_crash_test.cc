// SPDX-License-Identifier: Apache-2.0
#include "tests/service/crash_fixture.h"

// `init` that is killed, or whose disk is full or fails, at any moment leaves no home that pretends
// to be one; the next one completes it.

namespace mixtape::service {
namespace {

class InitCrashTest : public ServiceCrashTest {
 protected:
  [[nodiscard]] bool has_catalog() const { return std::filesystem::exists(home() / "catalog.db"); }
};

TEST_P(InitCrashTest, MakesAWholeHomeOrNone) {
  reopen();
  std::filesystem::remove_all(home());
  write("a", "words");
  const Texts all{{path_of("a"), "words"}};
  everywhere(
      GetParam(),
      [this] {
        reopen();
        if (!has_catalog()) {
          home::Home::create(home());
        }
      },
      [this, &all] {
        if (has_catalog()) {
          EXPECT_EQ(readable(all).size(), 0U);
          EXPECT_EQ(context().workspace.identities().size(), 2U);
        }
      },
      [this, &all] {
        back_up();
        expect_all_there(all);
      });
}

INSTANTIATE_TEST_SUITE_P(Each, InitCrashTest, testing::ValuesIn(test::kFates), test::fate_of_case);

}  // namespace
}  // namespace mixtape::service
