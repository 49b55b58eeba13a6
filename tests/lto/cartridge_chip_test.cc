// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/cartridge_chip.h"

#include <gtest/gtest.h>

#include "tapeio/lto/drive_use.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"

namespace mixtape::tapeio::lto {
namespace {

using test::error_of;

CartridgeChip some_chip() {
  return {.generation = 8,
          .is_write_protected = true,
          .is_initialised = false,
          .loads = 7,
          .bytes_written = 1ull << 62,
          .bytes_read = 3,
          .cleanings_left = 0,
          .unreadable = {1, 12, 13, 14, 20},
          .unwritable = {5},
          .story = {.vendor = "MIXTAPE", .application = "Mixtape", .label = "Urlaub größer"}};
}

TEST(LtoChip, ComesBackAsItWasWritten) {
  const test::TempDir directory(test::TempDir::Place::memory);
  write_cartridge_chip(directory.path(), some_chip());
  EXPECT_EQ(read_cartridge_chip(directory.path(), {}), some_chip());
}

TEST(LtoChip, OfACartridgeThatNobodyDescribedIsTheFreshOne) {
  const test::TempDir directory(test::TempDir::Place::memory);
  EXPECT_EQ(read_cartridge_chip(directory.path(), some_chip()), some_chip());
}

TEST(LtoChip, PeopleWriteBlocksAsRanges) {
  const CartridgeChip chip =
      decode_cartridge_chip("# worn\nformat=1\n\ngeneration = 9\n unreadable = 12 17-20  18-21\n");
  EXPECT_EQ(chip.unreadable, (std::set<std::uint64_t>{12, 17, 18, 19, 20, 21}));
  EXPECT_NE(encode(chip).find("unreadable = 12 17-21\n"), std::string::npos);
}

TEST(LtoChip, StoryIsCutToItsFieldsAndKeepsToItsLine) {
  const MediumStory story = as_the_chip_keeps_it(
      {.vendor = "MIXTAPE-AND-MORE", .application = " a\nb ", .pool = std::string(500, 'p')});
  EXPECT_EQ(story.vendor, "MIXTAPE-");
  EXPECT_EQ(story.application, "a?b");
  EXPECT_EQ(story.pool, std::string(160, 'p'));
  EXPECT_EQ(as_the_chip_keeps_it(story), story);
}

TEST(LtoChip, WhatMakesNoSenseIsRefused) {
  for (const char* lines :
       {"", "generation = 4\n", "generation = 11\n", "generation = x\n",
        "generation = 9\nloads = -1\n", "generation = 9\ncleaning = maybe\n",
        "generation = 9\nunreadable = 3-1\n", "generation = 9\nunreadable = 1,2\n",
        "generation = 9\nunreadable = 0-18446744073709551615\n",
        "generation = 9\nunreadable = 0-99999 200000\n", "generation = 9\nworn\n"}) {
    EXPECT_EQ(error_of([&] { return decode_cartridge_chip(std::string("format = 1\n") + lines); }),
              ErrorCode::corrupt)
        << lines;
  }
  EXPECT_EQ(error_of([] { return decode_cartridge_chip("generation = 9\n"); }), ErrorCode::corrupt);
  EXPECT_EQ(error_of([] { return decode_cartridge_chip("format = 2\ngeneration = 9\n"); }),
            ErrorCode::unsupported);
}

// As often as its file has room for it, each would cost a walk over as many blocks again.
TEST(LtoChip, BlocksCountAsOftenAsTheyAreListed) {
  const auto decode = [](const std::string& lines) {
    return error_of([&] { return decode_cartridge_chip("format = 1\ngeneration = 9\n" + lines); });
  };
  EXPECT_EQ(decode("unreadable = 0-99999\nunwritable = 0-99999\n"), std::nullopt);
  EXPECT_EQ(decode("unreadable = 0-49999 0-49999\n"), std::nullopt);
  EXPECT_EQ(decode("unreadable = 0-49999 0-49999 7\n"), ErrorCode::corrupt);
  EXPECT_EQ(decode("unreadable = 0-99999 0-99999\n"), ErrorCode::corrupt);
  EXPECT_EQ(decode("unreadable = 0-99999\nunreadable = 0-99999\n"), ErrorCode::corrupt);
}

TEST(LtoChip, DamagedFileIsNamed) {
  const test::TempDir directory(test::TempDir::Place::memory);
  const std::filesystem::path file = directory / kCartridgeFileName;
  test::write_text(file, "nonsense");
  try {
    static_cast<void>(read_cartridge_chip(directory.path(), {}));
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt);
    EXPECT_NE(std::string(error.what()).find(file.string()), std::string::npos) << error.what();
  }
}

TEST(LtoDriveUse, ComesBackToTheSecond) {
  const test::TempDir directory(test::TempDir::Place::memory);
  const std::string file = directory / "drives.txt";
  EXPECT_TRUE(read_drive_uses(file).empty());
  write_drive_uses(file, {{"drive 1", {.seconds = 12.75, .loads = 3}}, {"drive 2", {}}});
  EXPECT_EQ(read_drive_uses(file), (DriveUses{{"drive 1", {12, 3}}, {"drive 2", {0, 0}}}));
  test::write_text(file, "drive 1 loads = many\ndrive 1 colour = 3\n");
  EXPECT_TRUE(read_drive_uses(file).empty());
}

TEST(LtoGenerations, ReadTwoBackUntilSevenThenOneAndFromTenOnNone) {
  const auto fits = [](unsigned drive) {
    std::string text;
    for (unsigned cartridge = kOldestGeneration; cartridge <= kNewestGeneration; ++cartridge) {
      const Fit fit = fit_of(drive, cartridge);
      text += fit == Fit::writes ? 'w' : fit == Fit::reads ? 'r' : '-';
    }
    return text;
  };
  EXPECT_EQ(fits(5), "w-----");
  EXPECT_EQ(fits(6), "ww----");
  EXPECT_EQ(fits(7), "rww---");
  EXPECT_EQ(fits(8), "--ww--");
  EXPECT_EQ(fits(9), "---ww-");
  EXPECT_EQ(fits(10), "-----w");
  EXPECT_EQ(drives_for(5, Fit::reads), "LTO-5, LTO-6 or LTO-7");
  EXPECT_EQ(drives_for(10, Fit::reads), "LTO-10");
  EXPECT_EQ(cartridges_for(7, Fit::writes), "LTO-6 or LTO-7");
}

TEST(LtoGenerations, BarcodeTellsItsOwn) {
  EXPECT_EQ(generation_of_barcode("MX0001L5"), 5u);
  EXPECT_EQ(generation_of_barcode("MX0001L9"), 9u);
  EXPECT_EQ(generation_of_barcode("MX0001LA"), 10u);
  for (const char* other : {"", "L9", "MX0001", "MX00001L9", "MX0001L4", "MX0001M8", "MX0001L:"}) {
    EXPECT_EQ(generation_of_barcode(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace mixtape::tapeio::lto
