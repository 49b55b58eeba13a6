// SPDX-License-Identifier: Apache-2.0
#include "engine/service/prospects.h"

#include <gmock/gmock.h>

#include <array>

namespace mixtape::service {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::uint64_t kTerabyte = 1'000'000'000'000;

MediumFacts medium(const std::string& label) {
  return {.label = label, .read_s = 1000 * kDay, .used_bytes = kTerabyte, .space = {}};
}

std::vector<Prospect> among(const std::string& label, const std::vector<unsigned>& drives) {
  return prospects_of(medium(label), {.now_s = 1000 * kDay, .verify_days = 365, .drives = drives});
}

auto says(Prospect::Kind kind, const std::string& what, const std::string& advice) {
  return AllOf(Field(&Prospect::kind, kind), Field(&Prospect::what, HasSubstr(what)),
               Field(&Prospect::advice, HasSubstr(advice)));
}

TEST(Prospects, AMediumIsDueWhenTheConfiguredDaysHavePassed) {
  const auto after = [](std::int64_t seconds, std::uint32_t days) {
    return prospects_of(medium("MX0001"),
                        {.now_s = 1000 * kDay + seconds, .verify_days = days, .drives = {}});
  };
  EXPECT_THAT(after(365 * kDay - 1, 365), IsEmpty());
  EXPECT_THAT(after(365 * kDay, 365), ElementsAre(says(Prospect::Kind::verification,
                                                       "nobody read since", "verify MX0001")));
  EXPECT_THAT(after(36'500 * kDay, 0), IsEmpty());
}

TEST(Prospects, WhatHoldsNothingIsNeverDue) {
  EXPECT_EQ(due_s(std::nullopt, 365), std::nullopt);
  EXPECT_EQ(due_s(7, 0), std::nullopt);
  EXPECT_EQ(due_s(7, 36'500), 7 + 36'500 * kDay);
}

TEST(Prospects, TheLastGenerationOfDrivesThatReadsACartridgeIsNamed) {
  // LTO-7 drives are the last that read LTO-5, LTO-8 ones the last for LTO-7.
  EXPECT_THAT(among("MX0001L5", {7}),
              ElementsAre(says(Prospect::Kind::generation, "newer drives than LTO-7", "repack")));
  EXPECT_THAT(among("MX0001L7", {8}),
              ElementsAre(says(Prospect::Kind::generation, "newer drives than LTO-8", "repack")));
  EXPECT_THAT(among("MX0001L9", {9}),
              ElementsAre(says(Prospect::Kind::generation, "newer drives than LTO-9", "repack")));
  EXPECT_THAT(among("MX0001L8", {8}), IsEmpty());
}

TEST(Prospects, AnOlderDriveBesideTheLastOneChangesNothing) {
  EXPECT_THAT(among("MX0001L6", {6}), IsEmpty());
  EXPECT_THAT(among("MX0001L6", {6, 9}), IsEmpty());
  EXPECT_THAT(among("MX0001L5", {5, 7, 9}),
              ElementsAre(says(Prospect::Kind::generation, "newer drives than LTO-7", "")));
}

TEST(Prospects, ACartridgeThatNoDriveHereReadsIsNamed) {
  EXPECT_THAT(among("MX0001L5", {9}),
              ElementsAre(says(Prospect::Kind::generation, "LTO-5, LTO-6 or LTO-7 drives only",
                               "find such a drive")));
}

TEST(Prospects, NothingIsSaidOfDisksAndWithoutAnyDrive) {
  EXPECT_THAT(among("MX0001", {9}), IsEmpty());
  EXPECT_THAT(among("MX0001L5", {}), IsEmpty());
}

TEST(Prospects, ATapeThatTookMoreThanItWasGivenIsNamed) {
  const auto with_left = [](std::uint64_t remaining, std::uint64_t used) {
    MediumFacts facts = medium("MX0001L8");
    facts.used_bytes = used;
    facts.space = {.capacity_bytes = 12 * kTerabyte, .remaining_bytes = remaining};
    return prospects_of(facts, {.now_s = 1000 * kDay, .verify_days = 365, .drives = {}});
  };
  EXPECT_THAT(with_left(8 * kTerabyte, 4 * kTerabyte), IsEmpty());
  EXPECT_THAT(with_left(8 * kTerabyte, kTerabyte * 385 / 100), IsEmpty());
  EXPECT_THAT(with_left(8 * kTerabyte, kTerabyte * 375 / 100),
              ElementsAre(says(Prospect::Kind::capacity, "of tape for", "media retire MX0001L8")));
  // A label and an index on an empty tape, and a drive that says nonsense.
  EXPECT_THAT(with_left(12 * kTerabyte - 1'000'000'000, 0), IsEmpty());
  EXPECT_THAT(with_left(13 * kTerabyte, 0), IsEmpty());
}

// An LTO-8 drive writes 360 MB/s.
TEST(SlowTape, IsOneThatTakesMuchLongerThanItsGenerationThoughItNeverWaited) {
  constexpr std::uint64_t kBytes = 360'000'000'000;
  const archive::Streaming slow{.underruns = 0, .bytes = kBytes, .taking_s = 2000};
  const auto tape = slow_tape(slow, "MX0001L8");
  ASSERT_TRUE(tape.has_value());
  EXPECT_DOUBLE_EQ(tape->rate, 180e6);
  EXPECT_DOUBLE_EQ(tape->native_rate, 360e6);
  EXPECT_FALSE(slow_tape({.underruns = 0, .bytes = kBytes, .taking_s = 1400}, "MX0001L8"));
  EXPECT_FALSE(slow_tape({.underruns = 1, .bytes = kBytes, .taking_s = 2000}, "MX0001L8"))
      << "the computer was slow";
  EXPECT_FALSE(slow_tape({.underruns = 0, .bytes = GiB, .taking_s = 2000}, "MX0001L8"))
      << "too little to tell";
  EXPECT_FALSE(slow_tape(slow, "MX0001")) << "nobody knows its generation";
  EXPECT_FALSE(slow_tape(slow, "MX0001L5")) << "140 MB/s are enough for that";
}

}  // namespace
}  // namespace mixtape::service
