// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/tape_model.h"

#include <gtest/gtest.h>

#include "tapeio/error.h"
#include "tapeio/lto/sim_drive.h"
#include "tapeio/memory_drive.h"
#include "tests/support/passing_drive.h"
#include "tests/support/patterns.h"

namespace mixtape::recall {
namespace {

using tapeio::lto::figures_of;
using tapeio::lto::Motion;

constexpr std::size_t kRecord = 4 * KiB;
constexpr std::uint64_t kRecordsPerWrap = 8;

// A simulated drive of one generation with a cartridge of which some wraps are written, and what
// of it is hidden from who asks.
class TapeModelTest : public testing::Test {
 protected:
  class Shy final : public test::PassingDrive {
   public:
    using PassingDrive::PassingDrive;
    tapeio::DriveFeatures features() override {
      if (refuses) {
        throw Error(ErrorCode::io, "ask: no answer");
      }
      return has;
    }

    tapeio::DriveFeatures has;
    bool refuses = false;
  };

  void write_wraps(double wraps) {
    tapeio::MemoryDrive writer(medium_);
    for (int record = 0; record < static_cast<int>(wraps * kRecordsPerWrap); ++record) {
      ASSERT_TRUE(writer.write_record(test::pattern(kRecord)).written);
    }
  }
  Shy& insert(unsigned generation = 8) {
    tapeio::MemoryDrive reader(medium_);
    const auto& figures = figures_of(generation);
    cartridge_ = std::make_unique<tapeio::lto::Cartridge>(tapeio::lto::Cartridge{
        "A", tapeio::lto::TapeMap::of(reader),
        tapeio::lto::CartridgeGeometry(
            figures, static_cast<double>(figures.wraps() * kRecordsPerWrap * kRecord))});
    cartridge_->chip.generation = generation;
    model_ = std::make_unique<tapeio::lto::DriveModel>(
        tapeio::lto::DriveModelOptions{.generation = generation});
    model_->load(*cartridge_);
    sim_ = std::make_unique<tapeio::lto::SimDrive>(std::make_unique<tapeio::MemoryDrive>(medium_),
                                                   *model_);
    shy_ = std::make_unique<Shy>(*sim_);
    shy_->has = sim_->features();
    return *shy_;
  }
  // The model puts each block where the simulated tape has it, within a record.
  void expect_places(const TapeModel& tape, std::uint64_t blocks, double records = 1) {
    const double record_m = model_->positioning().usable_m() / kRecordsPerWrap;
    for (std::uint64_t block = 0; block < blocks; ++block) {
      const auto is = model_->place_of(block);
      const auto told = tape.at(block);
      const double off = order::LtoDrive(8).span().travel({.wrap = is.wrap, .at = is.metres},
                                                          {.wrap = told.wrap, .at = told.at});
      EXPECT_NEAR(off, 0, records * record_m) << "block " << block;
    }
  }

  tapeio::MemoryMedium medium_{
      {.label = "A",
       .space = tapeio::MediumSpace::with_default_warning(208 * kRecordsPerWrap * kRecord)}};
  std::unique_ptr<tapeio::lto::Cartridge> cartridge_;
  std::unique_ptr<tapeio::lto::DriveModel> model_;
  std::unique_ptr<tapeio::lto::SimDrive> sim_;
  std::unique_ptr<Shy> shy_;
};

TEST_F(TapeModelTest, PlacesBlocksWhereTheDriveSaysThatWrapsEnd) {
  write_wraps(5.5);
  const TapeModel tape = TapeModel::of(insert(), "A", kRecord);
  EXPECT_TRUE(tape.knows_wraps());
  EXPECT_EQ(tape.name(), "LTO-8");
  expect_places(tape, 44);
}

TEST_F(TapeModelTest, WithoutTheEndsOfWrapsTheyAreTakenFromTheCapacity) {
  write_wraps(5.5);
  Shy& drive = insert();
  drive.has.wraps = nullptr;
  const TapeModel tape = TapeModel::of(drive, "A", kRecord);
  EXPECT_TRUE(tape.knows_wraps());
  expect_places(tape, 44, 2);
}

TEST_F(TapeModelTest, TheCartridgeSaysOfWhichGenerationItIs) {
  Shy& drive = insert(7);
  drive.has.identity->product = "ULTRIUM-TD8";
  EXPECT_EQ(TapeModel::of(drive, "A", kRecord).name(), "LTO-7");
}

TEST_F(TapeModelTest, ElseItsBarcodeDoesAndElseTheDrive) {
  Shy& drive = insert();
  drive.has.memory = nullptr;
  drive.has.identity->product = "ULTRIUM-TD9";
  EXPECT_EQ(TapeModel::of(drive, "MX0001L6", kRecord).name(), "LTO-6");
  EXPECT_EQ(TapeModel::of(drive, "MX0001", kRecord).name(), "LTO-9");
}

TEST_F(TapeModelTest, WhatNothingIsKnownOfIsALine) {
  Shy& drive = insert();
  drive.has.memory = nullptr;
  drive.has.identity->product = "VXA-2";
  EXPECT_FALSE(TapeModel::of(drive, "MX0001", kRecord).knows_wraps());
  drive.has.identity.reset();  // As a directory: its label means nothing.
  EXPECT_FALSE(TapeModel::of(drive, "MX0001L8", kRecord).knows_wraps());
  drive.refuses = true;
  EXPECT_FALSE(TapeModel::of(drive, "MX0001L8", kRecord).knows_wraps());
}

TEST_F(TapeModelTest, ReadsOnWhereALocateWouldBeNoQuicker) {
  // A wrap of LTO-8 is read in 160 s, a record of it in 20 s: longer than any landing.
  const TapeModel coarse = TapeModel::of_generation(8, 208 * kRecordsPerWrap * kRecord, kRecord);
  EXPECT_TRUE(coarse.reads_through(5, 5));
  EXPECT_FALSE(coarse.reads_through(5, 6));
  EXPECT_FALSE(coarse.reads_through(6, 5));
  EXPECT_TRUE(coarse.reads_through(kRecordsPerWrap, kRecordsPerWrap));  // Over the end of a wrap.
  // 1.5 s at 360 MB/s.
  const TapeModel real = TapeModel::of_generation(8, 12'000'000'000'000, MiB);
  EXPECT_TRUE(real.reads_through(1000, 1000 + 500));
  EXPECT_FALSE(real.reads_through(1000, 1000 + 540));
}

TEST_F(TapeModelTest, LearnsWhatTheDriveTakesAndStillSaysWhatIsPublished) {
  TapeModel tape = TapeModel::of_generation(8, 12'000'000'000'000, MiB);
  const order::LocateSample before = tape.sample(1000, 30'000, 50);
  EXPECT_EQ(before.way, order::Way::ahead);
  order::LocateFit fit;
  fit[static_cast<std::size_t>(order::Way::ahead)].scale = 1.5;
  tape.learn(fit);
  EXPECT_NEAR(order::locate_seconds(tape.times(), tape.at(1000), tape.at(30'000)),
              1.5 * before.predicted_s, 1e-9);
  EXPECT_EQ(tape.sample(1000, 30'000, 50), before);
}

TEST_F(TapeModelTest, ALineIsReadThroughForSixtyFourMebibytes) {
  const TapeModel line(MiB);
  EXPECT_TRUE(line.reads_through(7, 7 + 64));
  EXPECT_FALSE(line.reads_through(7, 7 + 65));
}

TEST(GenerationOfProduct, IsInWhatDrivesCallThemselves) {
  EXPECT_EQ(generation_of_product("ULTRIUM-TD8"), 8u);
  EXPECT_EQ(generation_of_product("ULTRIUM-HH7"), 7u);
  EXPECT_EQ(generation_of_product("ULT3580-TD9"), 9u);
  EXPECT_EQ(generation_of_product("Ultrium 6-SCSI"), 6u);
  EXPECT_EQ(generation_of_product("simulated LTO-10"), 10u);
  EXPECT_EQ(generation_of_product("ULTRIUM-TD2"), std::nullopt);
  EXPECT_EQ(generation_of_product("VXA-2"), std::nullopt);
  EXPECT_EQ(generation_of_product("LTO-"), std::nullopt);
  EXPECT_EQ(generation_of_product(""), std::nullopt);
}

}  // namespace
}  // namespace mixtape::recall
