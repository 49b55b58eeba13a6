// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/recovery_cost.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tapeio/bytes.h"
#include "tests/service/service_fixture.h"

// The catalog comes back from a full cartridge of any generation within half an hour of modelled
// time, robot, load and return included, and for one reading of an index.

namespace mixtape::service {
namespace {

using Case = std::tuple<unsigned, bench::Written>;

class RecoveryCostTest : public ServiceTest, public testing::WithParamInterface<Case> {
 protected:
  RecoveryCostTest() : ServiceTest(test::TempDir::Place::memory) {}
};

TEST_P(RecoveryCostTest, AFullCartridgeTakesHalfAnHourAtMostAndOneIndex) {
  constexpr double kMostMinutes = 30;
  const auto [generation, written] = GetParam();
  bench::RecoveryCost cost;
  try {
    cost = bench::recover_full_cartridge(home(), directory_ / "work", generation, written);
  } catch (const std::filesystem::filesystem_error& error) {
    GTEST_SKIP() << "no files with holes of terabytes here: " << error.what();
  }
  EXPECT_LE(cost.seconds / 60, kMostMinutes);
  EXPECT_GT(cost.robot_s, 0);
  EXPECT_GT(cost.load_s, 0);
  EXPECT_GT(cost.unload_s, 0);
  EXPECT_GT(cost.move_s, 10) << "the index stands at the end of the tape";
  // Twice the first record: of the label whether there is one, of the index whether it is one.
  EXPECT_LE(cost.bytes_read, cost.label_bytes + cost.index_bytes + 2 * MiB);
  EXPECT_GE(cost.bytes_read, cost.index_bytes);
  std::cout << "LTO-" << generation
            << (written == bench::Written::full ? ", full: " : ", index at the far end: ")
            << cost.seconds / 60 << " modelled minutes, " << cost.moves << " moves, "
            << cost.bytes_read << " bytes read\n";
}

INSTANTIATE_TEST_SUITE_P(Lto, RecoveryCostTest,
                         testing::Combine(testing::Range(5U, 11U),
                                          testing::Values(bench::Written::full,
                                                          bench::Written::to_far_end)));

}  // namespace
}  // namespace mixtape::service
