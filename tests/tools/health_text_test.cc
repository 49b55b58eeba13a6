// SPDX-License-Identifier: Apache-2.0
#include "tools/health_text.h"

#include <gmock/gmock.h>

#include "tapeio/tape_alerts.h"

// How media and drives are, in words and for programs.

namespace mixtape::tools {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

catalog::HealthSample sample(std::vector<std::uint8_t> flags) {
  catalog::HealthSample sample{.taken_s = 1'700'000'000};
  sample.report.drive = "IBM ULT3580-TD8 YX1";
  for (const std::uint8_t flag : flags) {
    sample.report.alerts.push_back(tapeio::tape_alert(flag));
  }
  return sample;
}

TEST(HealthText, NothingKnownIsNothingSaid) {
  EXPECT_THAT(medium_health_text({}), IsEmpty());
  EXPECT_THAT(medium_health_text({sample({})}), IsEmpty());
  EXPECT_THAT(drive_health_text(sample({})), IsEmpty());
  EXPECT_TRUE(medium_health_json({}).empty());
}

TEST(HealthText, MediumSaysHowWornItIsAndWhereItWasBefore) {
  catalog::HealthSample worn = sample({});
  worn.report.wear.emplace();
  worn.report.wear->loads = 12;
  worn.report.wear->mebibytes_written_ever = 2048;
  worn.report.wear->mebibytes_read_ever = 1024;
  worn.report.wear->last_drives = {"IBM YX1", "IBM YX2"};
  worn.report.space = tapeio::RemainingSpace{.capacity_bytes = 4 * GiB, .remaining_bytes = GiB};
  EXPECT_THAT(medium_health_text({worn}),
              AllOf(HasSubstr("loaded 12 times"), HasSubstr("2.00 GiB written"),
                    HasSubstr("1.00 GiB read"), HasSubstr("1.00 GiB of 4.00 GiB left"),
                    HasSubstr("in IBM ULT3580-TD8 YX1"), HasSubstr("before in IBM YX2")));
  const auto object = medium_health_json({worn}).at(0);
  EXPECT_EQ(object["loads"], 12);
  EXPECT_EQ(object["mebibytes_written"], 2048);
  EXPECT_EQ(object["last_drives"].size(), 2u);
  EXPECT_EQ(object["remaining_bytes"], GiB);
}

TEST(HealthText, AlertHasTheStandardsNameAndWhatToDo) {
  EXPECT_THAT(medium_health_text({sample({7})}),
              AllOf(HasSubstr("warning: Media life (TapeAlert 7"),
                    HasSubstr("Copy what is on this cartridge and take it out of use.")));
  const auto alert = medium_health_json({sample({4})}).at(0)["alerts"].at(0);
  EXPECT_EQ(alert["flag"], 4);
  EXPECT_EQ(alert["severity"], "critical");
  EXPECT_EQ(alert["name"], "Media");
  EXPECT_FALSE(alert["advice"].get<std::string>().empty());
}

TEST(HealthText, EachAlertIsShownWhereItBelongs) {
  const catalog::HealthSample both = sample({7, 20});
  EXPECT_THAT(medium_health_text({both}), Not(HasSubstr("Cleaning")));
  EXPECT_THAT(drive_health_text(both),
              AllOf(HasSubstr("critical: Cleaning required"), Not(HasSubstr("Media life"))));
  const catalog::HealthSample either = sample({5});
  EXPECT_THAT(medium_health_text({either}), HasSubstr("Read failure"));
  EXPECT_THAT(drive_health_text(either), HasSubstr("Read failure"));
}

TEST(HealthText, EveryFlagBelongsSomewhere) {
  for (std::uint8_t flag = 1; flag <= tapeio::kTapeAlertFlags; ++flag) {
    EXPECT_TRUE(tapeio::concerns_medium(flag) || tapeio::concerns_drive(flag)) << int{flag};
  }
}

TEST(HealthText, DriveSaysHowItGotOnAndThatItWantsToBeCleaned) {
  catalog::HealthSample told = sample({});
  told.report.health = tapeio::DriveHealth{};
  told.report.health->repositions = 3;
  told.report.health->underruns = 0;
  told.report.health->cleaning_requested = true;
  EXPECT_THAT(drive_health_text(told),
              AllOf(HasSubstr("3 repositions"), HasSubstr("cleaned"), Not(HasSubstr("underrun"))));
  const auto object = drive_health_json(told);
  EXPECT_EQ(object["repositions"], 3);
  EXPECT_EQ(object["underruns"], 0);
  EXPECT_TRUE(object["failed_reads"].is_null());
  EXPECT_EQ(object["cleaning_requested"], true);
}

TEST(HealthText, NamesFromDrivesCannotStyleTheTerminal) {
  catalog::HealthSample told = sample({7});
  told.report.drive = "EVIL\x1b[31m";
  EXPECT_THAT(medium_health_text({told}), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace mixtape::tools
