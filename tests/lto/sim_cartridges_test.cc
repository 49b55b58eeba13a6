// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tapeio/error.h"
#include "tapeio/lto/sim_library.h"
#include "tests/lto/sim_writing.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"

// What simulated cartridges are besides their data, and what drives make of them. Each test opens
// the library anew where another program would.

namespace mixtape::tapeio::lto {
namespace {

using test::error_of;
using Access = Library::Access;

class LtoCartridges : public testing::Test {
 protected:
  SimLibrary& open(const std::string& options = "") {
    library_.reset();
    library_ = std::make_unique<SimLibrary>(
        parse_sim_options(directory_.path().string() + ",capacity=16MiB,host=none" + options));
    return *library_;
  }
  void add(const std::string& label) { library_->add_medium(label, kCapacity); }
  void change(const std::string& label, const std::function<void(CartridgeChip&)>& how) {
    const std::string path = directory_ / label;
    CartridgeChip chip = read_cartridge_chip(path, {});
    how(chip);
    write_cartridge_chip(path, chip);
  }
  [[nodiscard]] CartridgeChip chip(const std::string& label) const {
    return read_cartridge_chip(directory_ / label, {});
  }
  // The message of the Error with this code; empty, and the test fails, when there is none.
  static std::string refusal(ErrorCode code, const std::function<void()>& operation) {
    try {
      operation();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
  }
  std::string refused_load(ErrorCode code, const std::string& label, Access access) {
    return refusal(code, [&] { static_cast<void>(library_->load(label, access)); });
  }
  static bool has_all(const std::string& text, std::initializer_list<const char*> words) {
    return std::all_of(words.begin(), words.end(),
                       [&](const char* word) { return text.find(word) != std::string::npos; });
  }
  static std::vector<int> alerts_of(TapeDrive& drive) {
    std::vector<int> flags;
    for (const TapeAlert& alert : drive.features().alerts->raised()) {
      flags.push_back(alert.flag);
    }
    return flags;
  }

  test::TempDir directory_{test::TempDir::Place::memory};
  std::unique_ptr<SimLibrary> library_;
};

// --- Generations

TEST_F(LtoCartridges, AreOfTheGenerationThatTheirBarcodeSays) {
  open(",generation=8");
  add("MX0001L7");
  add("PHOTOS");
  EXPECT_EQ(chip("MX0001L7").generation, 7u);
  EXPECT_EQ(chip("PHOTOS").generation, 8u);
  EXPECT_EQ(library_->load("MX0001L7", Access::read)->features().memory->wear().density, 0x5c);
}

TEST_F(LtoCartridges, SmallerGenerationsHoldLess) {
  open(",generation=8,vary=no");
  library_->add_medium("MX0001L7", 100 * kCapacity);
  library_->add_medium("MX0001L8", 100 * kCapacity);
  EXPECT_EQ(library_->media().at(1).capacity_bytes, kCapacity);
  EXPECT_EQ(library_->media().at(0).capacity_bytes, kCapacity / 2);  // 6 TB and 12 TB.
}

TEST_F(LtoCartridges, TooOldForTheDriveComesBackWithBothGenerationsNamed) {
  SimLibrary& library = open(",generation=8");
  add("MX0001L6");
  add("MX0002L8");
  library.load("MX0002L8", Access::read).reset();
  const std::string why = refused_load(ErrorCode::unsupported, "MX0001L6", Access::read);
  EXPECT_TRUE(has_all(why, {"MX0001L6", "LTO-6 cartridge", "LTO-8 drive", "LTO-6 or LTO-7"}))
      << why;
  EXPECT_EQ(library.drives().at(0).medium, std::nullopt);
  // There, refused, and back; what was in the drive went home before.
  EXPECT_EQ(library.report().count_of(SimKind::load), 1u);
  EXPECT_GE(library.report().seconds_of(SimKind::robot), 4 * 10);
  EXPECT_FALSE(library.drives().at(0).in_use);
  const auto reports = library_->take_reports();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[1].medium, "MX0001L6");
  EXPECT_EQ(reports[1].report.serial, "drive 1");
  ASSERT_EQ(reports[1].report.alerts.size(), 1u);
  EXPECT_EQ(reports[1].report.alerts[0].name, "Unsupported format");
}

TEST_F(LtoCartridges, TooNewForTheDriveIsRefusedToo) {
  open(",generation=7");
  add("MX0001L9");
  const std::string why = refused_load(ErrorCode::unsupported, "MX0001L9", Access::write);
  EXPECT_TRUE(has_all(why, {"LTO-9 cartridge", "LTO-7 drive", "put it into an LTO-9 drive"}))
      << why;
}

TEST_F(LtoCartridges, TwoGenerationsBackIsReadAndNotWritten) {
  SimLibrary& library = open(",generation=5");
  add("MX0001L5");
  write_files(*library.load("MX0001L5", Access::write), 1, 3);
  SimLibrary& newer = open(",generation=7");
  const std::string why = refused_load(ErrorCode::write_protected, "MX0001L5", Access::write);
  EXPECT_TRUE(has_all(why, {"LTO-5 cartridge", "LTO-7 drive", "LTO-6 or LTO-7"})) << why;
  EXPECT_EQ(newer.report().total_seconds(), 0);  // Nothing moved for nothing.
  const auto drive = newer.load("MX0001L5", Access::read);
  Bytes buffer(kRecord);
  EXPECT_EQ(drive->read_record(buffer).size, kRecord);
  EXPECT_TRUE(drive->medium()->write_protected);
  EXPECT_EQ(error_of([&] { return drive->write_record(buffer); }), ErrorCode::write_protected);
  EXPECT_EQ(alerts_of(*drive), (std::vector<int>{17}));
}

TEST_F(LtoCartridges, OneGenerationBackMovesAtItsOwnRate) {
  SimLibrary& library = open(",generation=8");
  add("MX0001L7");
  write_files(*library.load("MX0001L7", Access::write), 1, 100);
  const double modelled = 100.0 * kRecord * library.options().modelled_scale();
  EXPECT_NEAR(library.report().seconds_of(SimKind::transfer), modelled / 300e6, 40);
}

// --- The switch, the chip

TEST_F(LtoCartridges, SwitchProtectsFromWriting) {
  SimLibrary& library = open();
  add("A");
  write_files(*library.load("A", Access::write), 1, 1);
  library.unload("A");
  change("A", [](CartridgeChip& chip) { chip.is_write_protected = true; });
  const auto drive = open().load("A", Access::write);
  EXPECT_TRUE(drive->medium()->write_protected);
  const std::string why = refusal(ErrorCode::write_protected, [&] {
    static_cast<void>(drive->write_record(test::pattern(kRecord)));
  });
  EXPECT_TRUE(has_all(why, {"medium A", "move its switch"})) << why;
  EXPECT_EQ(error_of([&] { return drive->write_filemark(); }), ErrorCode::write_protected);
  EXPECT_EQ(error_of([&] {
              drive->features().memory->write_story({.label = "B"});
              return 0;
            }),
            ErrorCode::write_protected);
  EXPECT_EQ(alerts_of(*drive), (std::vector<int>{9}));
  drive->rewind();
  Bytes buffer(kRecord);
  EXPECT_EQ(drive->read_record(buffer).size, kRecord);
}

TEST_F(LtoCartridges, ChipRemembersInTheNextProgram) {
  MediumStory story{.vendor = "MIXTAPE", .label = "MX0001L9", .pool = "mixtape"};
  {
    const auto drive = open().load((add("MX0001L9"), "MX0001L9"), Access::write);
    drive->features().memory->write_story(story);
    write_files(*drive, 1, 20);
    drive->rewind();
    Bytes buffer(kRecord);
    for (int count = 0; count < 16; ++count) {
      static_cast<void>(drive->read_record(buffer));
    }
  }
  library_->unload("MX0001L9");
  const auto drive = open().load("MX0001L9", Access::read);
  EXPECT_EQ(drive->features().memory->story(), story);
  const MediumWear wear = drive->features().memory->wear();
  EXPECT_EQ(wear.loads, 2u);
  EXPECT_EQ(wear.mebibytes_written_ever, 1u);
  EXPECT_EQ(wear.mebibytes_read_ever, 1u);
}

TEST_F(LtoCartridges, StoryIsKeptAtOnce) {
  const auto drive = open().load((add("A"), "A"), Access::write);
  drive->features().memory->write_story({.label = "A"});
  EXPECT_EQ(chip("A").story.label, "A");  // Whatever becomes of this program.
}

TEST_F(LtoCartridges, DriveThatUnloadsItselfKeepsTheChipToo) {
  {
    const auto drive = open().load((add("A"), "A"), Access::write);
    write_files(*drive, 1, 16);
    drive->unload();
  }
  EXPECT_EQ(chip("A").bytes_written, MiB);
}

TEST_F(LtoCartridges, DamagedDescriptionIsNamedAndTheDriveIsFree) {
  open();
  add("A");
  add("B");
  test::write_text(directory_ / "A" / std::string(kCartridgeFileName), "format = 1\nnonsense\n");
  const std::string why = refused_load(ErrorCode::corrupt, "A", Access::read);
  EXPECT_TRUE(has_all(why, {"mixtape-cartridge", "mend"})) << why;
  EXPECT_NE(library_->load("B", Access::read), nullptr);
}

// --- The first load

TEST_F(LtoCartridges, NewLto9CartridgeIsMeasuredOnce) {
  SimLibrary& library = open(",first_load=45");
  add("MX0001L9");
  add("MX0002L8");
  library.load("MX0001L9", Access::write).reset();
  EXPECT_DOUBLE_EQ(library.report().seconds_of(SimKind::initialise), 45 * 60);
  EXPECT_NE(to_string(library.report()).find("initialise 45 min"), std::string::npos);
  EXPECT_NE(test::read_text(directory_ / "trace.txt").find("MX0001L9\tinitialise\t1"),
            std::string::npos);
  library.load("MX0002L8", Access::write).reset();
  EXPECT_EQ(library.report().count_of(SimKind::initialise), 1u);
  SimLibrary& next = open(",first_load=45");
  next.load("MX0001L9", Access::write).reset();
  EXPECT_EQ(next.report().seconds_of(SimKind::initialise), 0);
}

TEST_F(LtoCartridges, FirstLoadIsLikeAnyOtherUnlessItIsAskedFor) {
  SimLibrary& library = open();
  add("MX0001L9");
  library.load("MX0001L9", Access::write).reset();
  EXPECT_EQ(library.report().seconds_of(SimKind::initialise), 0);
  EXPECT_TRUE(chip("MX0001L9").is_initialised);
}

// A clock that is waited for, without waiting.
class LtoFirstLoad : public LtoCartridges {
 protected:
  SimLibrary& open_waiting() {
    library_.reset();
    SimLibraryOptions options = parse_sim_options(
        directory_.path().string() + ",capacity=16MiB,host=none,clock=900,first_load=60");
    options.sleep = [this](double real_s) { slept_s_ += real_s; };
    library_ = std::make_unique<SimLibrary>(std::move(options));
    return *library_;
  }

  double slept_s_ = 0;
};

TEST_F(LtoFirstLoad, WhoWaitsForItIsToldHowFarItIs) {
  open_waiting();
  add("MX0001L9");
  std::vector<LoadWait> told;
  const LoadWatch watch{.tell = [&](const LoadWait& wait) { told.push_back(wait); }};
  EXPECT_TRUE(library_->load("MX0001L9", Access::read, watch)->medium());
  ASSERT_EQ(told.size(), 4u);
  EXPECT_EQ(told[0].what,
            "load medium MX0001L9: drive 1 measures the cartridge, as each at its first load");
  EXPECT_EQ(told[1].progress, 0.25);
  EXPECT_EQ(told[3].progress, 0.75);
  EXPECT_GE(slept_s_, 4);
  told.clear();
  library_->load("MX0001L9", Access::read, watch).reset();
  EXPECT_TRUE(told.empty()) << "once is enough";
}

TEST_F(LtoFirstLoad, WhoLeavesInBetweenLeavesItToTheNextLoad) {
  open_waiting();
  add("MX0001L9");
  std::stop_source stop;
  const LoadWatch watch{.stop = stop.get_token(),
                        .tell = [&](const LoadWait&) { stop.request_stop(); }};
  EXPECT_EQ(error_of([&] { return library_->load("MX0001L9", Access::read, watch); }),
            ErrorCode::cancelled);
  EXPECT_EQ(library_->drives().at(0).medium, "MX0001L9") << "it stays where it is";
  EXPECT_FALSE(chip("MX0001L9").is_initialised);
  SimLibrary& next = open_waiting();
  EXPECT_TRUE(next.load("MX0001L9", Access::read)->medium());
  EXPECT_TRUE(chip("MX0001L9").is_initialised);
}

// --- Cleaning

TEST_F(LtoCartridges, DriveAsksForCleaningAfterSoManyLoadsAlsoOfOtherPrograms) {
  open();
  add("A");
  add("CLN001L9");
  for (int program = 1; program <= 3; ++program) {
    auto drive = open(",clean_loads=3").load("A", Access::read);
    EXPECT_EQ(alerts_of(*drive), program < 3 ? std::vector<int>{} : std::vector<int>{21});
    EXPECT_EQ(drive->features().gauges->health().cleaning_requested, program == 3);
    drive.reset();
    library_->unload("A");
  }
  library_->clean("drive 1");
  EXPECT_TRUE(alerts_of(*library_->load("A", Access::read)).empty());
  EXPECT_TRUE(alerts_of(*open(",clean_loads=3").load("A", Access::read)).empty());
}

TEST_F(LtoCartridges, DriveAsksForCleaningAfterSoManyHoursOfWork) {
  SimLibrary& library = open(",clean_hours=1");
  add("A");
  const auto drive = library.load("A", Access::write);
  EXPECT_TRUE(alerts_of(*drive).empty());
  write_files(*drive, 1, 25);  // Each record stands for more than two minutes.
  EXPECT_EQ(alerts_of(*drive), (std::vector<int>{21}));
}

TEST_F(LtoCartridges, CleaningCartridgeIsNoMedium) {
  open();
  add("CLN001L9");
  add("A");
  ASSERT_EQ(library_->media().size(), 1u);
  EXPECT_EQ(library_->media().at(0).label, "A");
}

TEST_F(LtoCartridges, CleaningCartridgeThatIsLoadedCleansAndComesBackOut) {
  SimLibrary& library = open(",clean_loads=1");
  add("A");
  add("CLN001L9");
  library.load("A", Access::read).reset();
  const std::string why = refused_load(ErrorCode::unsupported, "CLN001L9", Access::read);
  EXPECT_TRUE(has_all(why, {"CLN001L9", "cleaning cartridge", "cleaned drive 1", "take another"}))
      << why;
  EXPECT_EQ(chip("CLN001L9").cleanings_left, kCleaningsOfACartridge - 1);
  EXPECT_EQ(library.drives().at(0).medium, std::nullopt);
  EXPECT_NE(test::read_text(directory_ / "trace.txt").find("CLN001L9\tclean\t1"),
            std::string::npos);
}

TEST_F(LtoCartridges, CleaningCartridgeUnderTheBarcodeOfATapeDoesTheSame) {
  open();
  add("A");
  change("A", [](CartridgeChip& chip) { chip.is_cleaning = true; });
  EXPECT_TRUE(has_all(refused_load(ErrorCode::unsupported, "A", Access::write),
                      {"medium A", "cleaning cartridge"}));
}

TEST_F(LtoCartridges, UsedUpCleaningCartridgeCleansNothing) {
  open(",clean_loads=1");
  add("A");
  add("CLN001L9");
  change("CLN001L9", [](CartridgeChip& chip) { chip.cleanings_left = 1; });
  library_->clean("drive 1");
  const std::string why = refusal(ErrorCode::not_found, [&] { library_->clean("drive 1"); });
  EXPECT_TRUE(has_all(why, {"CLN001L9", "used up"})) << why;
  EXPECT_EQ(alerts_of(*library_->load("A", Access::read)), (std::vector<int>{21}));
}

TEST_F(LtoCartridges, NothingIsCleanedWithoutACleaningCartridge) {
  open();
  const std::string why = refusal(ErrorCode::not_found, [&] { library_->clean("drive 1"); });
  EXPECT_TRUE(has_all(why, {"drive 1", "no cleaning cartridge"})) << why;
  EXPECT_FALSE(library_->drives().at(0).in_use);
}

// --- Worn

TEST_F(LtoCartridges, WornTapeFailsWhereItIsWornAndTheDriveSaysSo) {
  SimLibrary& library = open();
  add("A");
  write_files(*library.load("A", Access::write), 1, 5);
  library.unload("A");
  change("A", [](CartridgeChip& chip) {
    chip.unreadable = {2};
    chip.unwritable = {6};
  });
  const auto drive = open().load("A", Access::write);
  Bytes buffer(kRecord);
  EXPECT_EQ(drive->read_record(buffer).size, kRecord);
  EXPECT_EQ(alerts_of(*drive), (std::vector<int>{1}));
  static_cast<void>(drive->read_record(buffer));
  const std::string why =
      refusal(ErrorCode::bad_medium, [&] { static_cast<void>(drive->read_record(buffer)); });
  EXPECT_TRUE(has_all(why, {"record 2", "medium A", "worn", "out of use"})) << why;
  EXPECT_EQ(drive->position().block, 3u);
  EXPECT_EQ(drive->read_record(buffer).size, kRecord);
  drive->seek_end_of_data();
  EXPECT_EQ(error_of([&] { return drive->write_record(buffer); }), ErrorCode::bad_medium);
  EXPECT_EQ(drive->position().block, 6u);
  EXPECT_EQ(alerts_of(*drive), (std::vector<int>{1, 4, 5, 6}));
  const DriveHealth health = drive->features().gauges->health();
  EXPECT_EQ(health.uncorrected_reads, 1u);
  EXPECT_EQ(health.uncorrected_writes, 1u);
}

// --- The drive's own order

TEST_F(LtoCartridges, OrderIsRecommendedFromLto9On) {
  for (const auto& [options, has] :
       {std::pair(",generation=8", false), std::pair(",generation=9", true),
        std::pair(",generation=10", true)}) {
    SimLibrary& library = open(options);
    const std::string label = "T" + std::string(options).substr(12);
    add(label);
    EXPECT_EQ(library.load(label, Access::read)->features().access_order != nullptr, has) << label;
  }
}

TEST_F(LtoCartridges, RecommendedOrderNamesEachRangeOnceAndIsShorterThanAsAsked) {
  SimLibrary& library = open();
  add("A");
  const auto drive = library.load("A", Access::write);
  write_files(*drive, 1, 200);
  drive->rewind();
  const std::vector<BlockRange> ranges = {{180, 181}, {3, 3}, {90, 95}, {179, 179}, {4, 9}};
  AccessOrder& orders = *drive->features().access_order;
  std::vector<std::size_t> order = orders.recommend(ranges);
  EXPECT_EQ(drive->position().block, 0u);
  const auto seconds_in = [&](const std::vector<std::size_t>& sequence) {
    drive->rewind();
    const double before = library.report().seconds_of(SimKind::locate);
    Bytes buffer(kRecord);
    for (const std::size_t index : sequence) {
      drive->locate(ranges[index].first);
      for (std::uint64_t block = ranges[index].first; block <= ranges[index].last; ++block) {
        static_cast<void>(drive->read_record(buffer));
      }
    }
    return library.report().seconds_of(SimKind::locate) - before;
  };
  EXPECT_LT(seconds_in(order), seconds_in({0, 1, 2, 3, 4}));
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(orders.recommend({}).empty());
}

TEST_F(LtoCartridges, WhatIsNoRangeOrTooManyIsRefused) {
  SimLibrary& library = open();
  add("A");
  const auto drive = library.load("A", Access::write);
  AccessOrder& orders = *drive->features().access_order;
  const std::vector<BlockRange> backwards = {{5, 4}};
  EXPECT_EQ(error_of([&] { return orders.recommend(backwards); }), ErrorCode::invalid);
  const std::vector<BlockRange> many(orders.most_ranges() + 1);
  EXPECT_EQ(error_of([&] { return orders.recommend(many); }), ErrorCode::invalid);
}

}  // namespace
}  // namespace mixtape::tapeio::lto
