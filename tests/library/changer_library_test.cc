// SPDX-License-Identifier: Apache-2.0
#include "tapeio/changer_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>

#include "tapeio/error.h"
#include "tests/library/fake_robot.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

namespace mixtape::test {
namespace {

using namespace std::chrono_literals;
using tapeio::Library;
using tapeio::MediumSlot;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint16_t kSlot1 = FakeRobot::kSlots, kSlot2 = kSlot1 + 1, kSlot4 = kSlot1 + 3;
constexpr std::uint16_t kDrive1 = FakeRobot::kDrives;
constexpr std::uint16_t kMail1 = FakeRobot::kImportExports;

tapeio::CartridgeLibraryOptions quick() {
  tapeio::CartridgeLibraryOptions options;
  options.look_every = 0ms;
  options.pause = 1ms;
  options.ready_within = 100ms;
  options.settle_within = 20ms;
  options.clean_at_least = 1ms;
  options.clean_within = 100ms;
  return options;
}

// A robot and the library over it.
class ChangerLibraryTest : public testing::Test {
 protected:
  void build(FakeRobot::Size size = {}, tapeio::CartridgeLibraryOptions options = quick()) {
    robot_ = std::make_unique<FakeRobot>(size);
    robot_->put(kSlot1, "MX0001L8");
    robot_->put(kSlot2, "MX0002L8");
    open(size.drives, options);
  }
  void open(unsigned drives, tapeio::CartridgeLibraryOptions options = quick()) {
    std::vector<tapeio::CartridgeDrive> parts;
    // In an order that is not the robot's.
    for (unsigned number = drives; number > 0; --number) {
      parts.push_back({.device = "/dev/nst" + std::to_string(number),
                       .open = [this, number](const tapeio::WhileNotReady& not_ready) {
                         return robot_->drive(number).open(not_ready);
                       }});
    }
    library_ = tapeio::make_cartridge_library({.url = "changer:/dev/robot",
                                               .changer = robot_->connect(),
                                               .drives = std::move(parts),
                                               .options = options});
  }
  std::unique_ptr<tapeio::TapeDrive> load(const std::string& label,
                                          Library::Access access = Library::Access::read) {
    return library_->load(label, access);
  }
  std::optional<ErrorCode> error_loading(const std::string& label) {
    return error_of([&] { return load(label); });
  }
  tapeio::CartridgeMover& mover() { return *library_->mover(); }
  MediumSlot slot(const std::string& label) {
    for (const MediumSlot& each : library_->media()) {
      if (each.label == label) {
        return each;
      }
    }
    return {};
  }

  std::unique_ptr<FakeRobot> robot_;
  std::unique_ptr<Library> library_;
};

TEST_F(ChangerLibraryTest, DrivesAreMetBeforeTheyAreUsedButNotWhereThatWouldRewindATape) {
  robot_ = std::make_unique<FakeRobot>(FakeRobot::Size{.drives = 2});
  robot_->put(kDrive1, "MX0001L8");
  std::vector<tapeio::CartridgeDrive> parts;
  for (unsigned number = 1; number <= 2; ++number) {
    parts.push_back({.device = "/dev/nst" + std::to_string(number),
                     .serial = "SN" + std::to_string(number),
                     .open = [this, number](const tapeio::WhileNotReady& not_ready) {
                       return robot_->drive(number).open(not_ready);
                     }});
  }
  library_ = tapeio::make_cartridge_library({.url = "changer:/dev/robot",
                                             .changer = robot_->connect(),
                                             .drives = std::move(parts),
                                             .options = quick()});
  EXPECT_EQ(mover().drives().at(1).identity, "");
  mover().meet_drives();
  EXPECT_EQ(mover().drives().at(0).identity, "") << "a tape is in it";
  EXPECT_EQ(mover().drives().at(1).identity, "ACME SN2");
  mover().meet_drives();
  EXPECT_EQ(robot_->drive(1).opened, 0);
  EXPECT_EQ(robot_->drive(2).opened, 1) << "once is enough";
}

TEST_F(ChangerLibraryTest, ADriveThatIsLentIsShownWithWhatItIs) {
  build();
  const auto drive = load("MX0001L8");
  ASSERT_EQ(mover().drives().size(), 1U);
  EXPECT_TRUE(mover().drives()[0].in_use);
  EXPECT_EQ(mover().drives()[0].identity, "ACME SN1");
}

TEST_F(ChangerLibraryTest, ABarcodeIsALabelAndAPlaceIsSaidInWords) {
  build();
  robot_->put(kMail1, "MX0000L8");
  const auto media = library_->media();
  ASSERT_EQ(media.size(), 3U);
  EXPECT_EQ(media[0].label, "MX0000L8");
  EXPECT_EQ(media[0].place, "import/export 1");
  EXPECT_EQ(media[1].label, "MX0001L8");
  EXPECT_EQ(media[1].place, "slot 1");
  EXPECT_TRUE(media[1].moves);
  EXPECT_FALSE(media[1].loaded);
}

TEST_F(ChangerLibraryTest, CleaningCartridgesAndUnreadableBarcodesAreNoMedia) {
  build();
  robot_->put(FakeRobot::kSlots + 2, "CLN001L8");
  robot_->put(kSlot4, "");
  EXPECT_EQ(library_->media().size(), 2U);
  EXPECT_EQ(error_loading("CLN001L8"), ErrorCode::invalid);
}

TEST_F(ChangerLibraryTest, HostileBarcodesAreNoMedia) {
  build();
  robot_->put(FakeRobot::kSlots + 2, "../../etc");
  robot_->put(kSlot4, std::string(40, 'A'));
  EXPECT_EQ(library_->media().size(), 2U);
}

TEST_F(ChangerLibraryTest, OfTwoCartridgesWithOneBarcodeOneIsOffered) {
  build();
  robot_->put(kSlot4, "MX0001L8");
  EXPECT_EQ(library_->media().size(), 2U);
  EXPECT_EQ(slot("MX0001L8").place, "slot 1");
}

TEST_F(ChangerLibraryTest, LoadingMovesTheCartridgeAndItStaysThereAfterwards) {
  build();
  load("MX0001L8").reset();
  EXPECT_THAT(robot_->take_moves(), ElementsAre("slot 1 -> drive 1"));
  EXPECT_TRUE(slot("MX0001L8").loaded);
  EXPECT_FALSE(slot("MX0001L8").moves);
  EXPECT_EQ(slot("MX0001L8").place, "drive 1");
}

TEST_F(ChangerLibraryTest, LoadingWhatIsThereOnlyRewinds) {
  build();
  const Bytes record = pattern(100);
  {
    const auto drive = load("MX0001L8", Library::Access::write);
    ASSERT_TRUE(drive->write_record(record).written);
  }
  static_cast<void>(robot_->take_moves());
  const auto drive = load("MX0001L8");
  EXPECT_THAT(robot_->take_moves(), IsEmpty());
  EXPECT_EQ(drive->position().block, 0U);
  Bytes buffer(200);
  EXPECT_EQ(drive->read_record(buffer).size, 100U);
}

TEST_F(ChangerLibraryTest, WhatWasLoadedForReadingIsNotWritten) {
  build();
  const auto drive = load("MX0001L8");
  EXPECT_EQ(error_of([&] { return drive->write_record(pattern(10)); }), ErrorCode::write_protected);
  EXPECT_EQ(error_of([&] { return drive->write_filemark(); }), ErrorCode::write_protected);
  EXPECT_TRUE(drive->medium()->write_protected);
}

TEST_F(ChangerLibraryTest, AnotherOneIsUnloadedAndGoesBackToWhereItCameFrom) {
  build();
  load("MX0002L8").reset();
  load("MX0001L8").reset();
  EXPECT_THAT(robot_->take_moves(),
              ElementsAre("slot 2 -> drive 1", "drive 1 -> slot 2", "slot 1 -> drive 1"));
  EXPECT_EQ(robot_->drive(1).unloaded, 1);
}

TEST_F(ChangerLibraryTest, WhenItsSlotWasTakenItGoesToAFreeOne) {
  build();
  load("MX0002L8").reset();
  robot_->put(kSlot2, "MX0009L8");
  load("MX0001L8").reset();
  EXPECT_EQ(robot_->at(FakeRobot::kSlots + 2), "MX0002L8");
}

TEST_F(ChangerLibraryTest, WhereNoSlotIsFreeASentenceSaysWhatToDo) {
  build({.slots = 2});
  load("MX0002L8").reset();
  robot_->put(kSlot2, "MX0009L8");
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::no_space);
  EXPECT_EQ(robot_->at(kDrive1), "MX0002L8");
  EXPECT_EQ(robot_->at(kSlot1), "MX0001L8");
}

TEST_F(ChangerLibraryTest, ABusyDriveIsNotTakenAway) {
  build();
  const auto drive = load("MX0001L8");
  EXPECT_EQ(error_loading("MX0002L8"), ErrorCode::busy);
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::busy);
  EXPECT_EQ(error_of([&] {
              mover().unload("MX0001L8");
              return 0;
            }),
            ErrorCode::busy);
  EXPECT_EQ(error_of([&] { return mover().export_medium("MX0001L8"); }), ErrorCode::busy);
  EXPECT_EQ(error_of([&] {
              mover().clean("drive 1");
              return 0;
            }),
            ErrorCode::busy);
  EXPECT_EQ(robot_->take_moves().size(), 1U);
  EXPECT_TRUE(mover().drives().front().in_use);
}

TEST_F(ChangerLibraryTest, DrivesAreMatchedBySerialNumber) {
  build({.drives = 2});
  const auto drives = mover().drives();
  ASSERT_EQ(drives.size(), 2U);
  EXPECT_EQ(drives[0].device, "/dev/nst2");
  EXPECT_EQ(drives[0].name, "drive 2");
  EXPECT_EQ(drives[0].identity, "ACME SN2");
  EXPECT_EQ(drives[1].name, "drive 1");
}

TEST_F(ChangerLibraryTest, WithoutSerialNumbersDrivesAreTakenInOrder) {
  robot_ = std::make_unique<FakeRobot>(FakeRobot::Size{.drives = 2});
  robot_->tells_serials = false;
  open(2);
  EXPECT_EQ(mover().drives()[0].name, "drive 1");
  EXPECT_EQ(mover().drives()[0].device, "/dev/nst2");
}

TEST_F(ChangerLibraryTest, ADriveOfAnotherLibraryGetsNoCartridge) {
  robot_ = std::make_unique<FakeRobot>(FakeRobot::Size{});
  robot_->put(kSlot1, "MX0001L8");
  FakeDrive stranger("SN777");
  library_ = tapeio::make_cartridge_library(
      {.url = "changer:/dev/robot",
       .changer = robot_->connect(),
       .drives = {{.device = "/dev/nst7",
                   .serial = "SN777",
                   .open = [&](const auto&) { return stranger.open(); }}},
       .options = quick()});
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::not_found);
  EXPECT_THAT(robot_->take_moves(), IsEmpty());
}

TEST_F(ChangerLibraryTest, AnEmptyDriveIsPreferredToAFullOne) {
  build({.drives = 2});
  load("MX0001L8").reset();
  load("MX0002L8").reset();
  EXPECT_EQ(robot_->take_moves().size(), 2U);
  EXPECT_TRUE(slot("MX0001L8").loaded);
  EXPECT_TRUE(slot("MX0002L8").loaded);
}

TEST_F(ChangerLibraryTest, TheDriveThatIsIdleForLongestMakesRoom) {
  build({.drives = 2});
  robot_->put(kSlot4, "MX0004L8");
  load("MX0001L8").reset();
  load("MX0002L8").reset();
  load("MX0001L8").reset();
  load("MX0004L8").reset();
  EXPECT_TRUE(slot("MX0001L8").loaded);
  EXPECT_EQ(slot("MX0002L8").place, "slot 2");
}

TEST_F(ChangerLibraryTest, AnotherCartridgeThanItsStickerSaysIsRefused) {
  build();
  robot_->put(kSlot4, "MX0004L8", make_cartridge("MX0099L8"));
  EXPECT_EQ(error_loading("MX0004L8"), ErrorCode::wrong_medium);
  EXPECT_FALSE(mover().drives().front().in_use);
}

TEST_F(ChangerLibraryTest, AChipMayLeaveTheMediaTypeOut) {
  build();
  robot_->put(kSlot4, "MX0004L8", make_cartridge("MX0004"));
  EXPECT_EQ(load("MX0004L8")->medium()->label, "MX0004L8");
}

TEST_F(ChangerLibraryTest, ACartridgePutIntoTheDriveByHandIsFoundThere) {
  build();
  robot_->put(kDrive1, "MX0007L8");
  EXPECT_TRUE(slot("MX0007L8").loaded);
  load("MX0007L8").reset();
  EXPECT_THAT(robot_->take_moves(), IsEmpty());
  load("MX0001L8").reset();  // And it makes room, into a free slot.
  EXPECT_EQ(robot_->at(FakeRobot::kSlots + 2), "MX0007L8");
}

TEST_F(ChangerLibraryTest, ACartridgeThatTheRobotDoesNotKnowOfIsLeftAlone) {
  build();
  robot_->drive(1).insert(make_cartridge("MX0077L8"));
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::conflict);
  EXPECT_EQ(robot_->drive(1).unloaded, 0);
  EXPECT_THAT(robot_->take_moves(), IsEmpty());
}

TEST_F(ChangerLibraryTest, ATapeThatWasGivenOutAndNotTakenIsPutInAgain) {
  build();
  load("MX0001L8")->unload();
  static_cast<void>(robot_->take_moves());
  EXPECT_TRUE(load("MX0001L8")->medium());
  EXPECT_THAT(robot_->take_moves(), ElementsAre("drive 1 -> slot 1", "slot 1 -> drive 1"));
}

TEST_F(ChangerLibraryTest, ASlowDriveIsWaitedFor) {
  build();
  robot_->drive(1).polls_until_ready = 5;
  EXPECT_TRUE(load("MX0001L8")->medium());
}

TEST_F(ChangerLibraryTest, WhileADriveGetsReadyItIsToldWithWhatAndHowFarItIs) {
  build();
  robot_->drive(1).measures = 4;
  std::vector<tapeio::LoadWait> told;
  const tapeio::LoadWatch watch{.tell = [&](const auto& wait) { told.push_back(wait); }};
  EXPECT_TRUE(library_->load("MX0001L8", Library::Access::read, watch)->medium());
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told[0].what, "load medium MX0001L8: the drive measures its tape");
  EXPECT_EQ(told[0].progress, 1.0 / 5);
  EXPECT_EQ(told[3].progress, 1.0 / 2);
}

TEST_F(ChangerLibraryTest, ADriveThatTellsNothingIsWaitedForInWordsToo) {
  build();
  robot_->drive(1).polls_until_ready = 3;
  std::vector<tapeio::LoadWait> told;
  const tapeio::LoadWatch watch{.tell = [&](const auto& wait) { told.push_back(wait); }};
  EXPECT_TRUE(library_->load("MX0001L8", Library::Access::read, watch)->medium());
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0].what, "load medium MX0001L8: /dev/nst1 gets ready");
  EXPECT_EQ(told[0].progress, std::nullopt);
}

TEST_F(ChangerLibraryTest, AStopEndsTheWaitAndTheCartridgeStaysWhereItGetsReady) {
  build();
  for (const bool tells : {true, false}) {
    robot_->drive(1).measures = tells ? 1'000'000 : 0;
    robot_->drive(1).polls_until_ready = tells ? 0 : 1'000'000;
    std::stop_source stop;
    const tapeio::LoadWatch watch{.stop = stop.get_token(),
                                  .tell = [&](const auto&) { stop.request_stop(); }};
    EXPECT_EQ(error_of([&] { return library_->load("MX0001L8", Library::Access::read, watch); }),
              ErrorCode::cancelled);
    EXPECT_FALSE(mover().drives().front().in_use);
    EXPECT_EQ(robot_->at(kDrive1), "MX0001L8");
  }
  robot_->drive(1).polls_until_ready = 0;
  static_cast<void>(robot_->take_moves());
  EXPECT_TRUE(load("MX0001L8")->medium());
  EXPECT_THAT(robot_->take_moves(), IsEmpty());
}

TEST_F(ChangerLibraryTest, ADriveThatStillMeasuresAnotherCartridgeFinishesThatFirst) {
  build();
  robot_->put(kDrive1, "MX0007L8");
  robot_->drive(1).measures = 3;
  int told = 0;
  const tapeio::LoadWatch watch{.tell = [&](const auto&) { ++told; }};
  EXPECT_TRUE(library_->load("MX0001L8", Library::Access::read, watch)->medium());
  EXPECT_EQ(robot_->drive(1).measures, 0);
}

TEST_F(ChangerLibraryTest, ADriveThatNeverGetsReadyIsAnErrorAfterAWhile) {
  build();
  robot_->drive(1).polls_until_ready = 1'000'000;
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::io);
  EXPECT_FALSE(mover().drives().front().in_use);
}

TEST_F(ChangerLibraryTest, UnloadingBringsItBackToItsSlot) {
  build();
  load("MX0001L8").reset();
  mover().unload("MX0001L8");
  EXPECT_EQ(robot_->at(kSlot1), "MX0001L8");
  EXPECT_EQ(mover().drives().front().medium, std::nullopt);
  mover().unload("MX0001L8");  // It is where it should be.
  EXPECT_EQ(error_of([&] {
              mover().unload("MX0042L8");
              return 0;
            }),
            ErrorCode::not_found);
}

TEST_F(ChangerLibraryTest, ExportingTakesItOutOfItsDriveToTheDoor) {
  build();
  load("MX0001L8").reset();
  EXPECT_EQ(mover().export_medium("MX0001L8"), "import/export 1");
  EXPECT_EQ(robot_->at(kMail1), "MX0001L8");
  EXPECT_EQ(mover().export_medium("MX0001L8"), "import/export 1");
  EXPECT_EQ(error_of([&] { return mover().export_medium("MX0002L8"); }), ErrorCode::no_space);
}

TEST_F(ChangerLibraryTest, ExportingIsRefusedBeforeATapeLeavesItsDriveForNothing) {
  build();
  robot_->put(kMail1, "MX0009L8");
  load("MX0001L8").reset();
  EXPECT_EQ(error_of([&] { return mover().export_medium("MX0001L8"); }), ErrorCode::no_space);
  EXPECT_EQ(robot_->at(kDrive1), "MX0001L8");
}

TEST_F(ChangerLibraryTest, AnImportedCartridgeIsLoadedFromTheDoorAndGoesToASlotAfterwards) {
  build();
  robot_->put(kMail1, "MX0009L8");
  load("MX0009L8").reset();
  mover().unload("MX0009L8");
  EXPECT_EQ(robot_->at(FakeRobot::kSlots + 2), "MX0009L8");
}

TEST_F(ChangerLibraryTest, WithoutADoorNothingIsExported) {
  build({.import_exports = 0});
  EXPECT_EQ(error_of([&] { return mover().export_medium("MX0001L8"); }), ErrorCode::unsupported);
}

TEST_F(ChangerLibraryTest, CleaningPutsTheCleaningCartridgeInAndBack) {
  build();
  robot_->put(kSlot4, "CLN001L8");
  load("MX0001L8").reset();
  mover().clean("drive 1");
  EXPECT_EQ(robot_->at(kSlot4), "CLN001L8");
  EXPECT_EQ(robot_->at(kSlot1), "MX0001L8");
  EXPECT_EQ(mover().drives().front().medium, std::nullopt);
}

TEST_F(ChangerLibraryTest, ACleaningCartridgeIsShownWithItsPlaceAndIsTakenOut) {
  build();
  robot_->put(kSlot4, "CLN001L8");
  const auto places = [&] {
    std::vector<std::string> shown;
    for (const tapeio::CleaningCartridge& each : mover().cleaning_cartridges()) {
      EXPECT_EQ(each.uses_left, std::nullopt) << "no changer tells";
      shown.push_back(each.label + " " + each.place);
    }
    return shown;
  };
  EXPECT_THAT(places(), ElementsAre("CLN001L8 slot 4"));
  EXPECT_EQ(mover().export_medium("CLN001L8"), "import/export 1");
  EXPECT_THAT(places(), ElementsAre("CLN001L8 import/export 1"));
}

TEST_F(ChangerLibraryTest, ADriveThatDoesNotGiveTheCleaningCartridgeOutIsAnError) {
  build();
  robot_->put(kSlot4, "CLN001L8");
  robot_->before_move = [&](std::uint16_t from, std::uint16_t) {
    if (from == kDrive1) {
      throw Error(ErrorCode::locked, "it is cleaning");
    }
  };
  EXPECT_EQ(error_of([&] {
              mover().clean("drive 1");
              return 0;
            }),
            ErrorCode::io);
}

TEST_F(ChangerLibraryTest, WithoutACleaningCartridgeNothingIsCleaned) {
  build();
  EXPECT_EQ(error_of([&] {
              mover().clean("drive 1");
              return 0;
            }),
            ErrorCode::not_found);
  EXPECT_EQ(error_of([&] {
              mover().clean("drive 9");
              return 0;
            }),
            ErrorCode::not_found);
}

TEST_F(ChangerLibraryTest, AfterAJamItIsShownWhereItReallyIsAndFetchedFromThere) {
  build();
  robot_->jams_in_hand = true;
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::io);
  EXPECT_EQ(slot("MX0001L8").place, "the robot's hand");
  EXPECT_FALSE(mover().drives().front().in_use);
  load("MX0001L8").reset();
  EXPECT_TRUE(slot("MX0001L8").loaded);
}

TEST_F(ChangerLibraryTest, AJamWhileMakingRoomLosesNothing) {
  build();
  load("MX0002L8").reset();
  robot_->jams_in_hand = true;
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::io);
  EXPECT_EQ(slot("MX0002L8").place, "the robot's hand");
  EXPECT_EQ(slot("MX0001L8").place, "slot 1");
  load("MX0001L8").reset();
  mover().unload("MX0001L8");
  load("MX0002L8").reset();
}

TEST_F(ChangerLibraryTest, APulledCartridgeIsSaidToBeGone) {
  build();
  static_cast<void>(library_->media());
  static_cast<void>(robot_->take(kSlot1));
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::not_found);
}

TEST_F(ChangerLibraryTest, ACartridgePulledWhileTheRobotGoesThereIsSaidToBeGone) {
  build();
  robot_->before_move = [&](std::uint16_t from, std::uint16_t) {
    static_cast<void>(robot_->take(from));
  };
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::not_found);
  EXPECT_EQ(library_->media().size(), 1U);
}

TEST_F(ChangerLibraryTest, AnUnpluggedRobotIsAnErrorUntilItIsBack) {
  build();
  robot_->is_unplugged = true;
  EXPECT_EQ(error_of([&] { return library_->media(); }), ErrorCode::io);
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::io);
  EXPECT_EQ(mover().drives().size(), 1U);
  robot_->is_unplugged = false;
  EXPECT_EQ(library_->media().size(), 2U);
}

TEST_F(ChangerLibraryTest, ADriveThatFailedIsOpenedAgain) {
  build();
  {
    const auto drive = load("MX0001L8");
    robot_->drive(1).is_unplugged = true;
    EXPECT_EQ(error_of([&] { return drive->position(); }), ErrorCode::io);
  }
  EXPECT_EQ(error_loading("MX0001L8"), ErrorCode::not_found);
  robot_->drive(1).is_unplugged = false;
  EXPECT_TRUE(load("MX0001L8")->medium());
}

TEST_F(ChangerLibraryTest, NothingMovesForADriveThatIsNotThere) {
  build();
  robot_->put(kDrive1, "MX0009L8");
  robot_->drive(1).is_unplugged = true;
  library_.reset();
  open(1);
  EXPECT_EQ(library_->media().size(), 3U);
  EXPECT_NE(error_loading("MX0001L8"), std::nullopt);
  EXPECT_THAT(robot_->take_moves(), IsEmpty());
}

TEST_F(ChangerLibraryTest, TheRobotIsNotAskedMoreOftenThanItShouldBe) {
  auto options = quick();
  options.look_every = 1h;
  build({}, options);
  const int before = robot_->looks;
  for (int i = 0; i < 100; ++i) {
    static_cast<void>(library_->media());
    static_cast<void>(mover().drives());
  }
  EXPECT_EQ(robot_->looks, before);
}

TEST_F(ChangerLibraryTest, WhileACartridgeMovesItIsShownWhereItWas) {
  build();
  std::latch moving(1), seen(1);
  robot_->before_move = [&](std::uint16_t, std::uint16_t) {
    moving.count_down();
    seen.wait();
  };
  std::thread loader([&] { load("MX0001L8").reset(); });
  moving.wait();
  EXPECT_EQ(slot("MX0001L8").place, "slot 1");
  EXPECT_TRUE(mover().drives().front().in_use);
  seen.count_down();
  loader.join();
  EXPECT_EQ(slot("MX0001L8").place, "drive 1");
}

// Each thread loads its tape again and again, as patiently as an engine.
void load_often(Library& library, const std::string& label, std::atomic<int>& loaded) {
  for (int i = 0; i < 20;) {
    try {
      const auto drive = library.load(label, Library::Access::write);
      ASSERT_EQ(drive->medium()->label, label);
      ASSERT_TRUE(drive->write_record(pattern(64)).written);
      ++loaded;
      ++i;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::busy) << error.what();
      std::this_thread::yield();
    }
  }
}

TEST_F(ChangerLibraryTest, TwoThreadsShareOneDrive) {
  build();
  std::atomic<int> loaded{0};
  std::thread other([&] { load_often(*library_, "MX0001L8", loaded); });
  load_often(*library_, "MX0002L8", loaded);
  other.join();
  EXPECT_EQ(loaded, 40);
}

TEST_F(ChangerLibraryTest, TwoThreadsAndALookerOnHaveTwoDrives) {
  build({.drives = 2});
  std::atomic<int> loaded{0};
  std::atomic<bool> done{false};
  std::thread other([&] { load_often(*library_, "MX0001L8", loaded); });
  std::thread looker([&] {
    while (!done) {
      EXPECT_EQ(library_->media().size(), 2U);
      EXPECT_EQ(mover().drives().size(), 2U);
    }
  });
  load_often(*library_, "MX0002L8", loaded);
  other.join();
  done = true;
  looker.join();
  EXPECT_EQ(loaded, 40);
}

TEST_F(ChangerLibraryTest, OnePieceMissingMakesNoLibrary) {
  EXPECT_EQ(error_of([] {
              return tapeio::make_cartridge_library(
                  {.url = "changer:x", .changer = nullptr, .drives = {}});
            }),
            ErrorCode::invalid);
}

TEST_F(ChangerLibraryTest, CartridgesAreNotMade) {
  build();
  EXPECT_EQ(error_of([&] {
              library_->add_medium("MX0100L8", MiB);
              return 0;
            }),
            ErrorCode::unsupported);
}

}  // namespace
}  // namespace mixtape::test
