// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/health.h"

#include "tapeio/tape_alerts.h"
#include "tests/catalog/catalog_fixture.h"

// What drives told of media comes back as it was told, the newest of each pair.

namespace mixtape::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class HealthTest : public testing::Test {
 protected:
  static HealthSample sample(std::string_view medium, const std::string& serial,
                             std::int64_t taken_s, std::vector<std::uint8_t> flags = {}) {
    HealthSample sample{.medium = uuid_of(medium), .taken_s = taken_s};
    sample.report.drive = "ACME TURTLE " + serial;
    sample.report.serial = serial;
    for (const std::uint8_t flag : flags) {
      sample.report.alerts.push_back(tapeio::tape_alert(flag));
    }
    return sample;
  }
  std::int64_t rows() {
    Statement query(state_, "SELECT count(*) FROM state.health");
    query.step();
    return query.integer(0);
  }

  test::TempDir directory_;
  Database state_ = open_state(directory_ / "state.db");
  Health health_{state_};
};

TEST_F(HealthTest, SampleComesBackWhole) {
  HealthSample told = sample("MX1", "SN1", 1000, {4, 20, 64});
  told.report.health = tapeio::DriveHealth{.corrected_reads = 1,
                                           .uncorrected_reads = 2,
                                           .corrected_writes = 3,
                                           .uncorrected_writes = 4,
                                           .repositions = 5,
                                           .underruns = 6,
                                           .cleaning_requested = true};
  told.report.wear.emplace();
  told.report.wear->loads = 7;
  told.report.wear->mebibytes_written_ever = 8;
  told.report.wear->mebibytes_read_ever = 9;
  told.report.wear->last_drives = {"ACME SN1", "IBM YX1"};
  told.report.space = tapeio::RemainingSpace{.capacity_bytes = 11, .remaining_bytes = 10};
  health_.record(told);
  const std::vector<HealthSample> known = health_.newest();
  ASSERT_THAT(known, SizeIs(1));
  const tapeio::DriveReport& report = known[0].report;
  EXPECT_EQ(known[0].medium, uuid_of("MX1"));
  EXPECT_EQ(known[0].taken_s, 1000);
  EXPECT_EQ(report.drive, "ACME TURTLE SN1");
  EXPECT_EQ(report.serial, "SN1");
  ASSERT_THAT(report.alerts, SizeIs(3));
  EXPECT_EQ(report.alerts[0].name, "Media");
  EXPECT_EQ(report.alerts[1].flag, 20);
  EXPECT_EQ(report.alerts[2].flag, 64);
  EXPECT_EQ(report.health->corrected_reads, 1u);
  EXPECT_EQ(report.health->uncorrected_reads, 2u);
  EXPECT_EQ(report.health->corrected_writes, 3u);
  EXPECT_EQ(report.health->uncorrected_writes, 4u);
  EXPECT_EQ(report.health->repositions, 5u);
  EXPECT_EQ(report.health->underruns, 6u);
  EXPECT_TRUE(report.health->cleaning_requested);
  EXPECT_EQ(report.wear->loads, 7u);
  EXPECT_EQ(report.wear->mebibytes_written_ever, 8u);
  EXPECT_EQ(report.wear->mebibytes_read_ever, 9u);
  EXPECT_THAT(report.wear->last_drives, ElementsAre("ACME SN1", "IBM YX1"));
  EXPECT_EQ(report.space->capacity_bytes, 11u);
  EXPECT_EQ(report.space->remaining_bytes, 10u);
}

TEST_F(HealthTest, WhatWasNotToldIsNotThere) {
  health_.record(sample("MX1", "SN1", 1000));
  const tapeio::DriveReport report = health_.newest().at(0).report;
  EXPECT_FALSE(report.wear.has_value());
  EXPECT_FALSE(report.health.has_value());
  EXPECT_FALSE(report.space.has_value());
  EXPECT_THAT(report.alerts, IsEmpty());
}

TEST_F(HealthTest, NumbersThatNobodyHasAreHeld) {
  HealthSample told = sample("MX1", "SN1", 1000);
  told.report.wear.emplace().loads = ~std::uint64_t{0};
  health_.record(told);
  EXPECT_EQ(health_.newest().at(0).report.wear->loads, ~std::uint64_t{0} >> 1);
}

TEST_F(HealthTest, NewestOfEachMediumInEachDriveIsKnown) {
  health_.record(sample("MX1", "SN1", 1000, {4}));
  health_.record(sample("MX1", "SN2", 1001, {7}));
  health_.record(sample("MX2", "SN1", 1002));
  health_.record(sample("MX1", "SN1", 1003));
  const std::vector<HealthSample> known = health_.newest();
  ASSERT_THAT(known, SizeIs(3));
  EXPECT_EQ(known[0].taken_s, 1003);
  EXPECT_THAT(known[0].report.alerts, IsEmpty()) << "the drive does not say so any more";
  EXPECT_EQ(known[1].medium, uuid_of("MX2"));
  EXPECT_EQ(known[2].report.alerts.at(0).flag, 7);
}

TEST_F(HealthTest, HundredOfEachPairAreKept) {
  for (int i = 0; i < 120; ++i) {
    health_.record(sample("MX1", "SN1", 1000 + i));
  }
  health_.record(sample("MX2", "SN1", 1));
  EXPECT_EQ(rows(), 101);
  EXPECT_EQ(health_.newest().at(0).taken_s, 1119);
}

TEST_F(HealthTest, FlagsThatAreNoneAreLeftOut) {
  health_.record(sample("MX1", "SN1", 1000, {4}));
  state_.execute("UPDATE state.health SET alerts = '0,4,65,999,x,,-1,7x'");
  const auto alerts = health_.newest().at(0).report.alerts;
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_EQ(alerts[0].flag, 4);
}

TEST_F(HealthTest, ErrorsArePairedAndCountedAtTheirWorst) {
  HealthSample bad = sample("MX1", "SN1", 1000);
  bad.report.health = tapeio::DriveHealth{};
  bad.report.health->uncorrected_reads = 2;
  bad.report.health->uncorrected_writes = 1;
  health_.record(bad);
  health_.record(sample("MX1", "SN1", 2000));  // Fine since.
  health_.record(sample("MX1", "SN2", 1000));
  HealthSample of_drive = sample("MX1", "SN2", 3000);
  of_drive.medium = {};
  health_.record(of_drive);
  const std::vector<PairErrors> pairs = health_.pairs();
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].medium, uuid_of("MX1"));
  EXPECT_EQ(pairs[0].serial, "SN1");
  EXPECT_EQ(pairs[0].errors, 3U);
  EXPECT_EQ(pairs[1].serial, "SN2");
  EXPECT_EQ(pairs[1].errors, 0U);
}

}  // namespace
}  // namespace mixtape::catalog
