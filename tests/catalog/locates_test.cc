// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/locates.h"

#include "engine/catalog/catalog.h"
#include "tests/catalog/catalog_fixture.h"

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class LocatesTest : public testing::Test {
 protected:
  test::TempDir directory_;
  Database state_ = open_state(directory_ / "state.db");
  Locates locates_{state_};
  const DriveOnTapes drive_{"SN1", 8};
};

TEST_F(LocatesTest, ComeBackTheNewestFirst) {
  locates_.record(drive_, {{0, 10'000, 11'000}, {2, 20'000, 19'000}});
  locates_.record(drive_, {{1, 30'000, 30'500}});
  EXPECT_THAT(locates_.of(drive_),
              ElementsAre(LocateTime{1, 30'000, 30'500}, LocateTime{2, 20'000, 19'000},
                          LocateTime{0, 10'000, 11'000}));
}

TEST_F(LocatesTest, AreOfOneDriveWithTapesOfOneGeneration) {
  locates_.record(drive_, {{0, 1, 1}});
  locates_.record({"SN1", 9}, {{0, 2, 2}});
  locates_.record({"SN2", 8}, {{0, 3, 3}});
  EXPECT_THAT(locates_.of(drive_), ElementsAre(LocateTime{0, 1, 1}));
  EXPECT_THAT(locates_.drives(),
              ElementsAre(drive_, DriveOnTapes{"SN1", 9}, DriveOnTapes{"SN2", 8}));
  EXPECT_THAT(locates_.of({"SN3", 8}), IsEmpty());
}

TEST_F(LocatesTest, OfEachWayTheNewestAreKept) {
  locates_.record(drive_, {{1, 7, 7}});
  for (std::int64_t number = 0; number < Locates::kKept + 5; ++number) {
    locates_.record(drive_, {{0, number, number}});
  }
  const std::vector<LocateTime> kept = locates_.of(drive_);
  ASSERT_THAT(kept, SizeIs(Locates::kKept + 1));
  EXPECT_EQ(kept.back(), (LocateTime{1, 7, 7}));
  EXPECT_EQ(kept[kept.size() - 2].predicted_ms, 5);
}

}  // namespace
}  // namespace mixtape::catalog
