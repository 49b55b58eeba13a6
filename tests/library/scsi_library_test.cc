// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "tapeio/cartridge_library.h"
#include "tapeio/error.h"
#include "tapeio/scsi/scsi_changer.h"
#include "tapeio/scsi/scsi_drive.h"
#include "tests/emulation/emulated_changer.h"
#include "tests/emulation/emulated_tape_drive.h"
#include "tests/library/quick_options.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// Libraries of cartridges with our SCSI code below them, down to the single command.

namespace mixtape::test {
namespace {

using namespace std::chrono_literals;
using tapeio::Library;
using testing::HasSubstr;
using FaultKind = EmulatedChangerFault::Kind;

constexpr std::uint8_t kMove = 0xa5;

// Emulated drives answer command by command.
constexpr auto kWithin = 200ms;

std::shared_ptr<EmulatedCartridge> cartridge(const std::string& barcode,
                                             EmulatedCartridgeOptions options = {}) {
  options.barcode = barcode;
  return std::make_shared<EmulatedCartridge>(options);
}

void set_chip_barcode(EmulatedCartridge& of, const std::string& barcode) {
  Bytes value(32, std::byte{' '});
  std::copy(as_bytes(barcode).begin(), as_bytes(barcode).end(), value.begin());
  of.memory[0x0806] = {.format = 1, .value = value};
}

std::unique_ptr<tapeio::TapeDrive> open_drive(EmulatedTapeDrive& drive,
                                              const tapeio::WhileNotReady& not_ready) {
  tapeio::scsi::ScsiDriveOptions options;
  options.pause = 1ms;
  options.on_wait = [not_ready](const tapeio::scsi::DriveWait& wait) {
    not_ready(wait.message, wait.progress);
  };
  return std::make_unique<tapeio::scsi::ScsiDrive>(drive.connect(), options);
}

class ScsiLibraryTest : public testing::Test {
 protected:
  void build(unsigned drives = 1, EmulatedChangerOptions options = {},
             EmulatedTapeDriveOptions drive_options = {}) {
    std::vector<EmulatedBay> bays;
    for (unsigned i = 0; i < drives; ++i) {
      drive_options.serial = "YX1000000" + std::to_string(i);
      drives_.push_back(std::make_unique<EmulatedTapeDrive>(drive_options));
      bays.push_back(bay_of(*drives_.back()));
      if (edit_bay_) {
        edit_bay_(bays.back());
      }
    }
    options.drives = drives;
    robot_ = std::make_unique<EmulatedChanger>(options, std::move(bays));
    put(1, "MX0001L8");
    put(2, "MX0002L8");
    open();
  }
  void put(unsigned slot, const std::string& sticker) {
    robot_->put(robot_->slot(slot), {.sticker = sticker, .cartridge = cartridge(sticker)});
  }
  // With the first `ours` of the drives, the last one first.
  void open(std::size_t ours = 64) {
    std::vector<tapeio::CartridgeDrive> parts;
    for (std::size_t i = std::min(ours, drives_.size()); i-- > 0;) {
      EmulatedTapeDrive& opened = *drives_[i];
      parts.push_back(
          {.device = "drive " + opened.serial(),
           .serial = "",
           .open = [&opened](const auto& not_ready) { return open_drive(opened, not_ready); }});
    }
    library_.reset();
    library_ = tapeio::make_cartridge_library(
        {.url = "changer:emulated",
         .changer = std::make_unique<tapeio::scsi::ScsiChanger>(
             robot_->connect(), tapeio::scsi::ScsiChangerOptions{.pause = 1ms, .patience = 50ms}),
         .drives = std::move(parts),
         .options = quick(kWithin)});
  }
  std::unique_ptr<tapeio::TapeDrive> load(const std::string& label,
                                          Library::Access access = Library::Access::read) {
    return library_->load(label, access);
  }
  void write(const std::string& label, const Bytes& record) {
    const auto drive = load(label, Library::Access::write);
    ASSERT_TRUE(drive->write_record(record).written);
    ASSERT_TRUE(drive->write_filemark().written);
  }
  Bytes read(const std::string& label) {
    Bytes buffer(MiB);
    buffer.resize(load(label)->read_record(buffer).size);
    return buffer;
  }
  std::optional<ErrorCode> error_loading(const std::string& label) {
    return error_of([&] { return load(label); });
  }
  std::string place_of(const std::string& label) {
    for (const auto& slot : library_->media()) {
      if (slot.label == label) {
        return slot.place;
      }
    }
    return "nowhere";
  }

  std::function<void(EmulatedBay&)> edit_bay_;
  std::vector<std::unique_ptr<EmulatedTapeDrive>> drives_;
  std::unique_ptr<EmulatedChanger> robot_;
  std::unique_ptr<Library> library_;
};

TEST_F(ScsiLibraryTest, WhatIsWrittenOnTwoCartridgesIsReadAfterManyMoves) {
  build();
  const Bytes first = pattern(1000, 1), second = pattern(2000, 2);
  write("MX0001L8", first);
  write("MX0002L8", second);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(read("MX0001L8"), first);
    EXPECT_EQ(read("MX0002L8"), second);
  }
  EXPECT_EQ(place_of("MX0001L8"), "slot 1");
  EXPECT_EQ(place_of("MX0002L8"), "drive 1");
}

TEST_F(ScsiLibraryTest, DrivesAreFoundByTheSerialNumberThatTheChangerTells) {
  build(2);
  const auto drives = library_->mover()->drives();
  ASSERT_EQ(drives.size(), 2U);
  EXPECT_EQ(drives[0].name, "drive 2");
  EXPECT_EQ(drives[0].device, "drive YX10000001");
  EXPECT_THAT(drives[0].identity, HasSubstr("ULT3580-TD8 YX10000001"));
  const auto one = load("MX0001L8");
  const auto two = load("MX0002L8");
  EXPECT_TRUE(one->medium() && two->medium());
}

TEST_F(ScsiLibraryTest, DrivesSayHowTheyAreUsedOnceTheyAreOpen) {
  build();
  static_cast<void>(load("MX0001L8"));
  const auto drives = library_->mover()->drives();
  ASSERT_EQ(drives.size(), 1U);
  EXPECT_EQ(drives[0].serial, "YX10000000");
  EXPECT_THAT(drives[0].notes, testing::Contains(HasSubstr("compression is off")));
}

TEST_F(ScsiLibraryTest, WhatADriveTellsWhenItComesBackIsKeptUntilSomebodyTakesIt) {
  build();
  {
    const auto drive = load("MX0001L8");
    drives_[0]->raise_alert(4);
  }
  static_cast<void>(load("MX0002L8"));
  const auto reports = library_->mover()->take_reports();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].medium, "MX0001L8");
  EXPECT_EQ(reports[0].report.serial, "YX10000000");
  EXPECT_EQ(reports[0].report.wear->serial, "MMX0001L8");
  ASSERT_EQ(reports[0].report.alerts.size(), 1U);
  EXPECT_EQ(reports[0].report.alerts[0].name, "Media");
  EXPECT_EQ(reports[1].medium, "MX0002L8");
  EXPECT_TRUE(library_->mover()->take_reports().empty());
}

TEST_F(ScsiLibraryTest, CartridgeThatWasGivenOutIsToldOfAsItWasBefore) {
  build();
  load("MX0001L8")->unload();
  const auto reports = library_->mover()->take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].report.wear->loads, 1U);
}

TEST_F(ScsiLibraryTest, TheDriveWhoseSerialNumberIsCutOffIsTheOneThatIsLeft) {
  build(2, {.like_tgt = true}, {.like_tgt = true});
  const auto drives = library_->mover()->drives();
  ASSERT_EQ(drives.size(), 2U);
  EXPECT_EQ(drives[0].name, "drive 2");
  EXPECT_EQ(drives[1].name, "drive 1");
  EXPECT_EQ(library_->media().size(), 2U);
  const auto one = load("MX0001L8");
  const auto two = load("MX0002L8");
  EXPECT_TRUE(one->medium() && two->medium());
}

TEST_F(ScsiLibraryTest, ADriveIsAskedBeforeItIsTakenForTheOneThatIsLeft) {
  build(2, {.like_tgt = true}, {.like_tgt = true});
  open(/*ours=*/1);
  const auto drives = library_->mover()->drives();
  ASSERT_EQ(drives.size(), 1U);
  EXPECT_EQ(drives[0].name, "drive 1");
  EXPECT_TRUE(load("MX0001L8")->medium());
}

TEST_F(ScsiLibraryTest, ADriveThatWantsToBeToldToLoadIsTold) {
  build(1, {}, {.waits_for_load = true});
  write("MX0001L8", pattern(100));
  write("MX0002L8", pattern(200));
  EXPECT_EQ(read("MX0001L8").size(), 100U);
}

TEST_F(ScsiLibraryTest, AChangerAndADriveAsPoorAsTgtsAreEnough) {
  build(1, {.like_tgt = true}, {.like_tgt = true});
  write("MX0001L8", pattern(100));
  write("MX0002L8", pattern(200));
  EXPECT_EQ(read("MX0001L8").size(), 100U);
  library_->mover()->unload("MX0001L8");
  EXPECT_EQ(place_of("MX0001L8"), "slot 1");
}

TEST_F(ScsiLibraryTest, AChipThatTellsAnotherBarcodeIsTheWrongMedium) {
  build();
  const auto wrong = cartridge("MX0099L8");
  set_chip_barcode(*wrong, "MX0099L8");
  robot_->put(robot_->slot(3), {.sticker = "MX0003L8", .cartridge = wrong});
  EXPECT_EQ(error_loading("MX0003L8"), ErrorCode::wrong_medium);
  EXPECT_EQ(read("MX0001L8").size(), 0U);  // The drive is free for others.
}

TEST_F(ScsiLibraryTest, ATapeThatItsUserGaveOutIsLoadedAgain) {
  build();
  write("MX0001L8", pattern(100));
  load("MX0001L8")->unload();
  EXPECT_EQ(read("MX0001L8").size(), 100U);
}

TEST_F(ScsiLibraryTest, ExportedItIsAtTheDoorAndComesBackByItself) {
  build();
  write("MX0001L8", pattern(100));
  EXPECT_EQ(library_->mover()->export_medium("MX0001L8"), "import/export 1");
  EXPECT_EQ(read("MX0001L8").size(), 100U);
}

TEST_F(ScsiLibraryTest, AChangerThatReachesTheDoorOnlyFromASlotExportsToo) {
  build(1, {.moves_from_drive_to_door = false});
  load("MX0001L8").reset();
  EXPECT_EQ(library_->mover()->export_medium("MX0001L8"), "import/export 1");
}

TEST_F(ScsiLibraryTest, AJamLeavesATruePicture) {
  build();
  robot_->plan({.kind = FaultKind::jam, .operation = kMove});
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::io);
  EXPECT_EQ(place_of("MX0001L8"), "the robot's hand");
  load("MX0001L8").reset();
  EXPECT_EQ(place_of("MX0001L8"), "drive 1");
}

TEST_F(ScsiLibraryTest, ACartridgePulledOutOfItsDriveIsSeenToBeGone) {
  build();
  load("MX0001L8").reset();
  static_cast<void>(robot_->take(robot_->drive(1)));
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::not_found);
  EXPECT_EQ(read("MX0002L8").size(), 0U);
}

TEST_F(ScsiLibraryTest, WhereverTheChangersConnectionIsLostNothingIsLost) {
  for (std::uint64_t command = 0; command < 40; ++command) {
    drives_.clear();
    build();
    load("MX0002L8").reset();
    robot_->plan({.kind = FaultKind::connection_lost, .command = command});
    const auto error = error_loading("MX0001L8");
    ASSERT_TRUE(!error || error == ErrorCode::io) << command;
    int first = 0, second = 0;
    for (std::uint16_t address :
         {robot_->slot(1), robot_->slot(2), robot_->slot(3), robot_->drive(1)}) {
      first += robot_->at(address) == "MX0001L8" ? 1 : 0;
      second += robot_->at(address) == "MX0002L8" ? 1 : 0;
    }
    EXPECT_EQ(first, 1) << command;
    EXPECT_EQ(second, 1) << command;
    EXPECT_FALSE(library_->mover()->drives().front().in_use);
    library_.reset();
  }
}

TEST_F(ScsiLibraryTest, ADriveThatCleansIsWaitedFor) {
  auto polls = std::make_shared<std::atomic<int>>(0);
  edit_bay_ = [polls](EmulatedBay& bay) {
    // While the cleaning cartridge is in, the drive holds it for some looks.
    bay.is_unloaded = [polls, drive = bay.is_unloaded] { return drive() || ++*polls > 10; };
  };
  build();
  EmulatedCartridgeOptions cleaner;
  cleaner.barcode = "CLN001L1";
  cleaner.kind = EmulatedCartridgeOptions::Kind::cleaning;
  robot_->put(robot_->slot(5),
              {.sticker = "CLN001L1", .cartridge = std::make_shared<EmulatedCartridge>(cleaner)});
  library_->mover()->clean("drive 1");
  EXPECT_GT(*polls, 10);
  EXPECT_EQ(robot_->at(robot_->slot(5)), "CLN001L1");
  EXPECT_EQ(read("MX0001L8").size(), 0U);
}

TEST_F(ScsiLibraryTest, ACartridgeThatMeasuresItselfFirstIsWaitedFor) {
  build();
  robot_->put(robot_->slot(3), {.sticker = "MX0003L8",
                                .cartridge = cartridge("MX0003L8", {.initialisation_polls = 8})});
  std::vector<tapeio::LoadWait> told;
  const tapeio::LoadWatch watch{.tell = [&](const auto& wait) { told.push_back(wait); }};
  EXPECT_TRUE(library_->load("MX0003L8", Library::Access::read, watch)->medium());
  ASSERT_FALSE(told.empty());
  EXPECT_THAT(told[0].what, HasSubstr("load medium MX0003L8: drive "));
  EXPECT_THAT(told[0].what, HasSubstr("operation in progress"));
  EXPECT_GT(told[0].progress, 0.0);
  EXPECT_GT(told.back().progress, told[0].progress);
}

TEST_F(ScsiLibraryTest, ACartridgeOfAnotherGenerationIsRefusedAndMakesRoomForTheNext) {
  build();
  robot_->put(robot_->slot(3),
              {.sticker = "MX0003L9", .cartridge = cartridge("MX0003L9", {.generation = 9})});
  EXPECT_EQ(error_loading("MX0003L9"), ErrorCode::wrong_medium);
  const auto reports = library_->mover()->take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].medium, "MX0003L9");
  ASSERT_EQ(reports[0].report.alerts.size(), 1U);
  EXPECT_EQ(reports[0].report.alerts[0].name, "Unsupported format");
  EXPECT_EQ(read("MX0001L8").size(), 0U);
  EXPECT_EQ(place_of("MX0003L9"), "slot 3");
}

TEST_F(ScsiLibraryTest, TwoThreadsWorkWithTwoDrives) {
  build(2);
  const auto work = [&](const std::string& label) {
    for (int i = 1; i <= 10; ++i) {
      write(label, pattern(static_cast<std::size_t>(i) * 100));
      ASSERT_EQ(read(label).size(), static_cast<std::size_t>(i) * 100);
    }
  };
  std::thread other([&] { work("MX0002L8"); });
  work("MX0001L8");
  other.join();
}

// A drive, a shelf and a human.
class ScsiByHandTest : public testing::Test {
 protected:
  ScsiByHandTest() {
    tapeio::CartridgeLibraryOptions options = quick(kWithin);
    options.read_label = [this](tapeio::TapeDrive& drive) -> std::optional<std::string> {
      ++labels_read_;
      Bytes buffer(MiB);
      const auto result = drive.read_record(buffer);
      return result.kind == tapeio::ReadResult::Kind::record
                 ? std::optional(std::string(as_text(ByteView(buffer).first(result.size))))
                 : std::nullopt;
    };
    library_ = tapeio::make_cartridge_library(
        {.url = "scsi:emulated",
         .changer = nullptr,
         .drives = {{.device = "/dev/sg3",
                     .open =
                         [this](const auto& not_ready) { return open_drive(drive_, not_ready); }}},
         .options = std::move(options)});
  }
  // Blank, and named by who loads it first.
  void make(const std::string& label) {
    const auto drive = library_->load(label, Library::Access::write);
    ASSERT_TRUE(drive->write_record(as_bytes(label)).written);
    ASSERT_TRUE(drive->write_filemark().written);
  }
  std::string request_for(const std::string& label) {
    try {
      library_->load(label, Library::Access::read, {.asks_people = true}).reset();
      return {};
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::no_medium) << error.what();
      return error.what();
    }
  }

  EmulatedTapeDrive drive_;
  int labels_read_ = 0;
  std::unique_ptr<Library> library_;
};

TEST_F(ScsiByHandTest, ALabelIsReadOncePerInsertion) {
  ASSERT_TRUE(drive_.insert(cartridge("A")));
  make("MX0001L8");
  labels_read_ = 0;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(library_->media().size(), 1U);
    EXPECT_EQ(request_for("MX0001L8"), "");
  }
  EXPECT_EQ(labels_read_, 1);
}

TEST_F(ScsiByHandTest, AWholeStoryOfTwoTapes) {
  EXPECT_EQ(request_for("MX0001L8"), "put tape MX0001L8 into /dev/sg3");
  ASSERT_TRUE(drive_.insert(cartridge("A")));
  make("MX0001L8");
  EXPECT_EQ(library_->media().front().label, "MX0001L8");
  EXPECT_EQ(request_for("MX0001L8"), "");

  EXPECT_THAT(request_for("MX0002L8"), HasSubstr("which comes out now"));
  EXPECT_TRUE(drive_.is_unloaded());
  for (int i = 0; i < 10; ++i) {
    // It stays in the mouth, and nobody draws it in again.
    EXPECT_EQ(request_for("MX0002L8"), "put tape MX0002L8 into /dev/sg3");
    EXPECT_TRUE(library_->media().empty());
  }
  EXPECT_TRUE(drive_.is_unloaded());
  const auto first = drive_.remove();
  ASSERT_TRUE(first);
  ASSERT_TRUE(drive_.insert(cartridge("B")));
  EXPECT_THAT(request_for("MX0002L8"), HasSubstr("no label of ours"));
  make("MX0002L8");
  EXPECT_EQ(request_for("MX0002L8"), "");

  // The human goes on by himself: takes it out by force, puts the first one in.
  ASSERT_TRUE(drive_.remove(true));
  EXPECT_TRUE(library_->media().empty());
  ASSERT_TRUE(drive_.insert(first));
  EXPECT_EQ(request_for("MX0001L8"), "");
}

TEST_F(ScsiByHandTest, WhileATapeIsThreadedItIsNotThereYetAndWhoWantsItWaits) {
  ASSERT_TRUE(drive_.insert(cartridge("A", {.initialisation_polls = 5})));
  EXPECT_TRUE(library_->media().empty());
  make("MX0001L8");
}

TEST_F(ScsiByHandTest, AnUnusableCartridgeIsNamedAndExchangedByTheHuman) {
  EXPECT_TRUE(library_->media().empty());
  ASSERT_TRUE(
      drive_.insert(cartridge("CLN001L1", {.kind = EmulatedCartridgeOptions::Kind::cleaning})));
  EXPECT_THAT(request_for("MX0001L8"), HasSubstr("a cleaning cartridge is in the drive"));
  EXPECT_TRUE(library_->media().empty());
  ASSERT_TRUE(drive_.remove(true));
  ASSERT_TRUE(drive_.insert(cartridge("A", {.generation = 9})));
  EXPECT_THAT(request_for("MX0001L8"), HasSubstr("of this generation"));
  ASSERT_TRUE(drive_.remove(true));
  ASSERT_TRUE(drive_.insert(cartridge("A")));
  make("MX0001L8");
}

TEST_F(ScsiByHandTest, ASwapBetweenTwoLooksIsSeenByTheChip) {
  ASSERT_TRUE(drive_.insert(cartridge("A")));
  make("MX0001L8");
  EXPECT_EQ(library_->media().size(), 1U);
  const auto first = drive_.remove(true);
  ASSERT_TRUE(drive_.insert(cartridge("B")));
  EXPECT_TRUE(library_->media().empty());
  EXPECT_THAT(request_for("MX0001L8"), HasSubstr("no label of ours"));
}

}  // namespace
}  // namespace mixtape::test
