// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/scsi_features.h"

#include <gmock/gmock.h>

#include "tapeio/drive_report.h"
#include "tests/scsi/drive_fixture.h"

// What the drive offers besides reading and writing, and that it is not there where it is not.

namespace mixtape::test {
namespace {

using namespace tapeio;  // NOLINT: the whole file is about it.
using testing::ElementsAre;

class ScsiFeature : public ScsiDriveFixture {
 protected:
  DriveFeatures features() { return drive().features(); }
};

TEST_F(ScsiFeature, StoryIsWrittenIntoTheChipAndReadByAnyone) {
  put_in();
  open();
  const MediumStory story{.vendor = "MIXTAPE",
                          .application = "mixtape",
                          .application_version = "0.1.0",
                          .label = "MX0001L8",
                          .written_on = "202611270630",
                          .barcode = "MX0001L8",
                          .pool = "home"};
  features().memory->write_story(story);
  open();
  EXPECT_EQ(features().memory->story(), story);
}

TEST_F(ScsiFeature, StoryThatIsTooLongIsCut) {
  put_in();
  open();
  MediumStory story;
  story.vendor = "MUCHTOOLONG";
  story.pool = std::string(200, 'p');
  features().memory->write_story(story);
  EXPECT_EQ(features().memory->story().vendor, "MUCHTOOL");
  EXPECT_EQ(features().memory->story().pool.size(), 160u);
}

TEST_F(ScsiFeature, WearIsTold) {
  put_in({.barcode = "MX0001L8", .capacity_bytes = 8 * MiB});
  open();
  ASSERT_TRUE(drive().write_record(pattern(2 * MiB)).written);
  const MediumWear wear = features().memory->wear();
  EXPECT_EQ(wear.loads, 1u);
  EXPECT_EQ(wear.mebibytes_capacity, 8u);
  EXPECT_EQ(wear.mebibytes_remaining, 6u);
  EXPECT_EQ(wear.mebibytes_written_ever, 2u);
  EXPECT_EQ(wear.manufacturer, "EMULATED");
  EXPECT_EQ(wear.serial, "MMX0001L8");
  EXPECT_EQ(wear.density, 0x5e);
  EXPECT_FALSE(wear.is_worm);
}

TEST_F(ScsiFeature, LastDrivesThatHadItLoadedAreToldNewestFirst) {
  put_in()->loads = 3;
  open();
  EXPECT_THAT(features().memory->wear().last_drives,
              ElementsAre("IBM YX10000001", "IBM ELSE1", "IBM ELSE2"));
}

TEST_F(ScsiFeature, ReportHasAllThatTheDriveTells) {
  put_in({.capacity_bytes = 8 * MiB});
  open();
  ASSERT_TRUE(drive().write_record(pattern(MiB)).written);
  device().raise_alert(7);
  const DriveReport report = report_of(drive());
  EXPECT_EQ(report.drive, "IBM ULT3580-TD8 YX10000001");
  EXPECT_EQ(report.serial, "YX10000001");
  EXPECT_EQ(report.wear->loads, 1u);
  EXPECT_EQ(report.space->remaining_bytes, 7 * MiB);
  EXPECT_FALSE(report.health->cleaning_requested);
  ASSERT_EQ(report.alerts.size(), 1u);
  EXPECT_EQ(report.alerts[0].name, "Media life");
}

TEST_F(ScsiFeature, ReportOfADriveThatIsGoneHasWhatWasAsked) {
  put_in();
  open();
  static_cast<void>(features());
  device().plan({.kind = EmulatedFault::Kind::connection_lost, .command = 2});
  const DriveReport report = report_of(drive());
  EXPECT_EQ(report.serial, "YX10000001");
  EXPECT_FALSE(report.wear.has_value());
}

TEST_F(ScsiFeature, AlertsStayRaisedHereWhenTheDriveForgetsThem) {
  use({.lacking_log_pages = {0x12}});
  put_in();
  open();
  device().raise_alert(20);
  ASSERT_EQ(features().alerts->raised().size(), 1u);
  const std::vector<TapeAlert> again = features().alerts->raised();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].flag, 20);
  EXPECT_EQ(again[0].severity, TapeAlert::Severity::critical);
  EXPECT_EQ(again[0].name, "Cleaning required");
}

TEST_F(ScsiFeature, AlertsAreInOrderOfTheirNumbers) {
  put_in();
  open();
  for (const std::uint8_t flag : {64, 1, 8, 9}) {
    device().raise_alert(flag);
  }
  std::vector<int> flags;
  for (const TapeAlert& alert : features().alerts->raised()) {
    flags.push_back(alert.flag);
    EXPECT_FALSE(alert.advice.empty());
  }
  EXPECT_THAT(flags, ElementsAre(1, 8, 9, 64));
}

TEST_F(ScsiFeature, HealthCountsErrorsAndAsksForCleaning) {
  const auto cartridge = put_in();
  open();
  write(0);
  drive().rewind();
  EXPECT_EQ(features().gauges->health().uncorrected_reads, 0u);
  EXPECT_FALSE(features().gauges->health().cleaning_requested);
  cartridge->options.bad_blocks = {0};
  Bytes buffer(kRecordSize);
  EXPECT_EQ(error_of([&] { return drive().read_record(buffer); }), ErrorCode::bad_medium);
  device().raise_alert(21);
  EXPECT_EQ(features().gauges->health().uncorrected_reads, 1u);
  EXPECT_TRUE(features().gauges->health().cleaning_requested);
}

TEST_F(ScsiFeature, SpaceComesFromTheLogOrFromTheChip) {
  for (const std::set<std::uint8_t>& lacking : {std::set<std::uint8_t>{}, {0x31}}) {
    use({.lacking_log_pages = lacking});
    put_in({.capacity_bytes = 8 * MiB});
    open();
    ASSERT_TRUE(drive().write_record(pattern(MiB)).written);
    const auto space = features().space->remaining();
    ASSERT_TRUE(space.has_value());
    EXPECT_EQ(space->capacity_bytes, 8 * MiB);
    EXPECT_EQ(space->remaining_bytes, 7 * MiB);
    EXPECT_EQ(drive().medium()->capacity_bytes, 8 * MiB);
  }
}

TEST_F(ScsiFeature, WrapsEndWhereTheTapeTurnsAndTheLastWhereDataDoes) {
  put_in({.wrap_bytes = 2 * kRecordSize});
  open();
  for (int seed = 0; seed < 5; ++seed) {
    write(seed);
  }
  EXPECT_THAT(features().wraps->ends_of_wraps(), ElementsAre(1, 3, 5));
}

TEST_F(ScsiFeature, AccessOrderIsTheDrives) {
  use({.most_ranges = 3});
  put_in();
  open();
  for (int seed = 0; seed < 10; ++seed) {
    write(seed);
  }
  drive().locate(5);
  AccessOrder* order = features().access_order;
  ASSERT_NE(order, nullptr);
  EXPECT_EQ(order->most_ranges(), 3u);
  const BlockRange ranges[] = {{0, 1}, {8, 8}, {5, 6}};
  EXPECT_THAT(order->recommend(ranges), ElementsAre(2, 1, 0));
  EXPECT_EQ(drive().position().block, 5u);
  const BlockRange too_many[4] = {};
  EXPECT_EQ(error_of([&] { return order->recommend(too_many); }), ErrorCode::invalid);
}

TEST_F(ScsiFeature, DriveWithoutThemOffersNone) {
  use({.has_recommended_order = false});
  put_in();
  open();
  EXPECT_EQ(features().access_order, nullptr);
  EXPECT_NE(features().wraps, nullptr);
  use({.like_tgt = true});
  put_in();
  open();
  const DriveFeatures none = features();
  EXPECT_TRUE(none.identity.has_value());
  EXPECT_EQ(none.memory, nullptr);
  EXPECT_EQ(none.alerts, nullptr);
  EXPECT_EQ(none.gauges, nullptr);
  EXPECT_EQ(none.space, nullptr);
  EXPECT_EQ(none.wraps, nullptr);
  EXPECT_EQ(none.access_order, nullptr);
  EXPECT_EQ(none.clock, nullptr);
}

TEST_F(ScsiFeature, DriveThatDoesNotSayWhatItHasIsTried) {
  use({.lacking_actions = {0xa30c}});
  put_in();
  open();
  EXPECT_NE(features().access_order, nullptr);
  EXPECT_NE(features().wraps, nullptr);
  EXPECT_NE(features().memory, nullptr);
}

}  // namespace
}  // namespace mixtape::test
