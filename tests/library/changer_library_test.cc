// SPDX-License-Identifier: Apache-2.0
#include "tapeio/changer_library.h"

#include "tests/library/changer_library_fixture.h"
#include "tests/support/patterns.h"

// Which cartridge is where, and how it gets into a drive and out of it.

namespace mixtape::test {
namespace {

using namespace std::chrono_literals;
using tapeio::Library;
using testing::ElementsAre;
using testing::IsEmpty;

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
