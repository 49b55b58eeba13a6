// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tapeio/faulty_drive.h"
#include "tapeio/memory_library.h"
#include "tests/archive/write_world.h"
#include "tests/support/errors.h"
#include "tests/support/passing_drive.h"

// One cartridge on which a record cannot be written: it is named and passed over, and what it was
// to take goes to the next one.

namespace mixtape::archive {
namespace {

using test::error_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Two blank media, whose faults are those of the plans at the time of loading.
struct WornWorld {
  WornWorld() {
    for (const char* label : {"MX0001", "MX0002"}) {
      library.add_medium(label, 64 * MiB);
    }
  }
  // From here on no record can be written to the medium.
  void wear(const std::string& label, std::uint64_t first) {
    constexpr std::uint64_t kMany = 200;
    for (std::uint64_t block = first; block < first + kMany; ++block) {
      plans[label].unwritable_records.insert(block);
    }
  }

  std::map<std::string, tapeio::FaultPlan> plans;
  tapeio::MemoryLibrary library{{.wrap_drive = [this](auto drive, auto& medium) {
    return std::make_unique<tapeio::FaultyDrive>(std::move(drive), plans[medium.options().label]);
  }}};
  test::WriteWorld world{library};
};

class WornMediaTest : public ::testing::Test, protected WornWorld {
 protected:
  // Of a world in which MX0001 failed while a second job wrote one file.
  static void expect_whole(WornWorld& worn, const WriteOutcome& outcome) {
    EXPECT_EQ(outcome.files, 1U);
    EXPECT_THAT(outcome.no_room, IsEmpty());
    EXPECT_THAT(worn.world.reporter.problems, IsEmpty()) << "every file has its copy";
    worn.plans.clear();
    EXPECT_THAT(worn.world.readable_paths(), ElementsAre("new", "old"));
    EXPECT_THAT(worn.world.readable_after_recovery(), ElementsAre("new", "old"));
  }
};

TEST_F(WornMediaTest, AWriteErrorAnywhereInAJobSendsTheBundleToTheNextMedium) {
  bool written_whole = false;
  for (std::uint64_t after = 0; !written_whole; ++after) {
    WornWorld worn;
    worn.world.add_source("old", 70'000);
    const WriteOutcome before = worn.world.run();
    // Where the next bundle begins: over the closing index.
    const std::uint64_t place = worn.library.medium("MX0001").object_count() - 1 -
                                before.media.at(0).index_bytes / 2 / test::WriteWorld::kRecord;
    SCOPED_TRACE("worn from block " + std::to_string(place + after));
    worn.wear("MX0001", place + after);
    worn.world.add_source("new", 150'000);
    const WriteOutcome outcome = worn.world.run();
    written_whole = worn.world.reporter.notes.empty();
    EXPECT_EQ(outcome.media.back().label, written_whole ? "MX0001" : "MX0002");
    expect_whole(worn, outcome);
    EXPECT_TRUE(!written_whole || after > 5);
  }
}

TEST_F(WornMediaTest, ADriveThatFailsOnceIsMetTheSameWay) {
  bool went_well = false;
  for (std::uint64_t k = 0; !went_well; ++k) {
    WornWorld worn;
    worn.world.add_source("old", 70'000);
    (void)worn.world.run();
    SCOPED_TRACE("at operation " + std::to_string(k));
    worn.plans["MX0001"].fail_operation = k;
    worn.world.add_source("new", 1000);
    const WriteOutcome outcome = worn.world.run();
    went_well = worn.world.reporter.notes.empty() && worn.world.reporter.problems.empty();
    worn.world.reporter.problems.clear();  // It could not be checked before it was written.
    expect_whole(worn, outcome);
    EXPECT_TRUE(!went_well || k > 20);
  }
}

TEST_F(WornMediaTest, TheWornMediumIsNamedWithWhatToDo) {
  wear("MX0001", 0);
  world.add_source("a", 1000);
  const WriteOutcome outcome = world.run();
  ASSERT_THAT(outcome.media, SizeIs(1));
  EXPECT_EQ(outcome.media[0].label, "MX0002");
  ASSERT_THAT(world.reporter.notes, SizeIs(1));
  EXPECT_THAT(world.reporter.notes[0], AllOf(HasSubstr("medium MX0001"), HasSubstr("record 0"),
                                             HasSubstr("retire it: `mixtape media retire MX0001`"),
                                             Not(HasSubstr("planned"))));
}

TEST_F(WornMediaTest, WhatWasWrittenToItBeforeStaysAndIsReported) {
  world.add_source("a", 1000);
  (void)world.run();
  wear("MX0001", library.medium("MX0001").object_count());
  world.add_source("b", 10);
  world.add_source("c", 2 * MiB);
  const WriteOutcome outcome = world.run();
  EXPECT_EQ(outcome.files, 2U);
  EXPECT_THAT(world.readable_paths(), ElementsAre("a", "b", "c"));
  catalog::Database database = world.open_catalog();
  catalog::Ledger ledger(database);
  EXPECT_THAT(ledger.bundles(ledger.medium("MX0001")->id), SizeIs(1));
  EXPECT_EQ(ledger.medium("MX0001")->state, catalog::MediumState::active);
}

TEST_F(WornMediaTest, WhenNoMediumTakesAnythingTheJobFailsAndSaysWhy) {
  wear("MX0001", 0);
  wear("MX0002", 0);
  world.add_source("a", 1000);
  EXPECT_EQ(error_of([&] { return world.run(); }), ErrorCode::bad_medium);
  EXPECT_THAT(world.reporter.notes, SizeIs(2));
  plans.clear();
  EXPECT_EQ(world.run().files, 1U);
}

TEST_F(WornMediaTest, AFileThatLacksACopyForItIsNamed) {
  world.copies = 2;
  wear("MX0001", 0);
  world.add_source("a", 1000);
  const WriteOutcome outcome = world.run();
  EXPECT_EQ(outcome.files, 1U);
  EXPECT_THAT(outcome.no_room, ElementsAre("a"));
}

// Ends at a block and answers nothing about its medium from then on.
class DriveThatDiesAtTheEnd final : public test::PassingDrive {
 public:
  DriveThatDiesAtTheEnd(std::unique_ptr<tapeio::TapeDrive> drive, std::uint64_t end)
      : PassingDrive(std::move(drive)), end_(end) {}
  std::optional<tapeio::MediumInfo> medium() override {
    if (ended_) {
      throw Error(ErrorCode::io, "ask the drive for its medium: no answer");
    }
    return PassingDrive::medium();
  }
  tapeio::WriteResult write_record(ByteView record) override {
    ended_ = ended_ || position().block >= end_;
    return ended_ ? tapeio::WriteResult{.written = false, .early_warning = true}
                  : PassingDrive::write_record(record);
  }

 private:
  std::uint64_t end_;
  bool ended_ = false;
};

TEST(DriveThatDies, WhereAMediumEndsSendsTheFilesToTheNextOne) {
  tapeio::MemoryLibrary library{
      {.wrap_drive = [](auto drive, auto& medium) -> std::unique_ptr<tapeio::TapeDrive> {
        if (medium.options().label == "MX0001") {
          return std::make_unique<DriveThatDiesAtTheEnd>(std::move(drive), 12);
        }
        return drive;
      }}};
  library.add_medium("MX0001", 64 * MiB);
  library.add_medium("MX0002", 64 * MiB);
  test::WriteWorld world{library};
  world.add_source("a", 2 * MiB);
  EXPECT_EQ(world.run().files, 1U);
}

}  // namespace
}  // namespace mixtape::archive
