// SPDX-License-Identifier: Apache-2.0
#include "tapeio/hand_fed_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tapeio/error.h"
#include "tests/library/fake_robot.h"
#include "tests/support/errors.h"

namespace mixtape::test {
namespace {

using namespace std::chrono_literals;
using tapeio::Library;
using testing::HasSubstr;

// Drives in memory tell a label without being read; the tapes here tell none, but in their first
// record.
Cartridge tape(const std::string& label) {
  Cartridge cartridge = make_cartridge("");
  if (!label.empty()) {
    tapeio::MemoryDrive drive(*cartridge);
    static_cast<void>(drive.write_record(as_bytes(label)));
    static_cast<void>(drive.write_filemark());
  }
  return cartridge;
}

// One drive, a shelf and a human, who is the test.
class HandFedLibraryTest : public testing::Test {
 protected:
  HandFedLibraryTest() {
    options_.look_every = 0ms;
    options_.read_label = [this](tapeio::TapeDrive& drive) {
      ++labels_read_;
      return read_label(drive);
    };
  }
  static std::optional<std::string> read_label(tapeio::TapeDrive& drive) {
    Bytes buffer(64);
    const auto result = drive.read_record(buffer);
    if (result.kind != tapeio::ReadResult::Kind::record) {
      return std::nullopt;
    }
    const std::string text(as_text(ByteView(buffer).first(result.size)));
    if (text == "damaged") {
      throw Error(ErrorCode::corrupt, "read the label: it is damaged");
    }
    return text.starts_with("MX") ? std::optional(text) : std::nullopt;
  }
  Library& library() {
    if (!library_) {
      library_ = tapeio::make_cartridge_library(
          {.url = "st:/dev/nst0",
           .changer = nullptr,
           .drives = {{.device = "/dev/nst0",
                       .open =
                           [this](const tapeio::WhileNotReady& not_ready) {
                             return drive_.open(not_ready);
                           },
                       .glimpse = glimpse_}},
           .options = options_});
    }
    return *library_;
  }
  std::unique_ptr<tapeio::TapeDrive> load(const std::string& label,
                                          Library::Access access = Library::Access::read) {
    return library().load(label, access);
  }
  // The sentence for the human; empty when the tape is there.
  std::string request_for(const std::string& label,
                          Library::Access access = Library::Access::read) {
    try {
      library().load(label, access, {.asks_people = true}).reset();
      return {};
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::no_medium) << error.what();
      return error.what();
    }
  }
  // While somebody asks now and then, as the engine does that waits for a tape.
  void swap_for(Cartridge cartridge) {
    static_cast<void>(drive_.take_out());
    static_cast<void>(library().media());
    if (cartridge) {
      drive_.insert(std::move(cartridge));
    }
  }

  FakeDrive drive_{"SN1"};
  int labels_read_ = 0;
  std::function<std::optional<tapeio::TapeGlimpse>()> glimpse_;
  tapeio::CartridgeLibraryOptions options_;
  std::unique_ptr<Library> library_;
};

TEST_F(HandFedLibraryTest, AnEmptyDriveHasNoMediaAndSaysWhichTapeToPutIn) {
  EXPECT_TRUE(library().media().empty());
  EXPECT_EQ(request_for("MX0007L8"), "put tape MX0007L8 into /dev/nst0");
  EXPECT_EQ(drive_.unloaded, 0);
}

TEST_F(HandFedLibraryTest, ItGoesOnByItselfWhenTheTapeAppears) {
  std::thread human([&] {
    std::this_thread::sleep_for(20ms);
    drive_.insert(tape("MX0007L8"));
  });
  int asked = 0;
  while (!request_for("MX0007L8").empty()) {
    ++asked;
    std::this_thread::sleep_for(1ms);
  }
  human.join();
  EXPECT_GT(asked, 0);
  EXPECT_EQ(library().media().front().label, "MX0007L8");
}

TEST_F(HandFedLibraryTest, ATapeThatGetsReadyIsWaitedForAndToldHowFarItIs) {
  drive_.insert(tape("MX0001L8"));
  drive_.measures = 3;
  EXPECT_TRUE(library().media().empty()) << "who only looks is not kept waiting";
  EXPECT_EQ(drive_.measures, 3);
  std::vector<tapeio::LoadWait> told;
  const tapeio::LoadWatch watch{.tell = [&](const auto& wait) { told.push_back(wait); }};
  EXPECT_TRUE(library().load("MX0001L8", Library::Access::read, watch)->medium());
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0].what, "load medium MX0001L8: the drive measures its tape");
  EXPECT_EQ(told[0].progress, 1.0 / 4);
}

TEST_F(HandFedLibraryTest, AStopEndsTheWaitForATapeThatGetsReady) {
  drive_.insert(tape("MX0001L8"));
  drive_.measures = 1'000'000;
  std::stop_source stop;
  const tapeio::LoadWatch watch{.stop = stop.get_token(),
                                .tell = [&](const auto&) { stop.request_stop(); }};
  EXPECT_EQ(error_of([&] { return library().load("MX0001L8", Library::Access::read, watch); }),
            ErrorCode::cancelled);
  drive_.measures = 0;
  EXPECT_EQ(request_for("MX0001L8"), "");
}

TEST_F(HandFedLibraryTest, ADriveThatNeverGetsReadyIsSaidNotTo) {
  options_.first_load_within = 0ms;
  drive_.insert(tape("MX0001L8"));
  drive_.measures = 1'000'000;
  EXPECT_EQ(
      request_for("MX0001L8"),
      "put tape MX0001L8 into /dev/nst0: the drive does not get ready with what is in it (the "
      "drive measures its tape)");
}

TEST_F(HandFedLibraryTest, TheTapeInTheDriveIsTheMedium) {
  drive_.insert(tape("MX0001L8"));
  const auto media = library().media();
  ASSERT_EQ(media.size(), 1U);
  EXPECT_EQ(media[0].label, "MX0001L8");
  EXPECT_TRUE(media[0].loaded);
  EXPECT_FALSE(media[0].moves);
  EXPECT_EQ(media[0].place, "drive 1");
  const auto drive = load("MX0001L8");
  EXPECT_EQ(drive->position().block, 0U);
  EXPECT_EQ(drive->medium()->label, "MX0001L8");
}

TEST_F(HandFedLibraryTest, AGlanceNeitherRewindsNorReadsATape) {
  drive_.insert(tape("MX0001L8"));
  glimpse_ = [] { return tapeio::TapeGlimpse{}; };
  EXPECT_TRUE(library().glance().empty());
  EXPECT_TRUE(library().mover()->drives().front().unread);
  EXPECT_EQ(drive_.opened, 0);
  EXPECT_EQ(labels_read_, 0);
  EXPECT_EQ(library().media().front().label, "MX0001L8") << "who needs it has it read";
  EXPECT_FALSE(library().mover()->drives().front().unread);
  EXPECT_EQ(library().glance().front().label, "MX0001L8") << "and then it is known";
  EXPECT_EQ(labels_read_, 1);
}

TEST_F(HandFedLibraryTest, AGlanceShowsWhatTheChipSaysAndLoadingReadsTheTape) {
  drive_.insert(tape("MX0001L8"));
  glimpse_ = [] { return tapeio::TapeGlimpse{.label = "MX0002L8"}; };
  EXPECT_EQ(library().glance().front().label, "MX0002L8");
  EXPECT_THAT(request_for("MX0002L8"), HasSubstr("in place of MX0001L8"));
}

TEST_F(HandFedLibraryTest, AGlanceAtAnEmptyDriveSaysSo) {
  glimpse_ = [] { return std::optional<tapeio::TapeGlimpse>(); };
  EXPECT_TRUE(library().glance().empty());
  EXPECT_EQ(library().mover()->drives().front().medium, std::nullopt);
}

TEST_F(HandFedLibraryTest, ATapePutInWhileTheDriveIsOpenIsNotReadForAGlance) {
  drive_.insert(tape("MX0001L8"));
  EXPECT_EQ(library().media().size(), 1U);
  swap_for(nullptr);
  drive_.insert(tape("MX0002L8"));
  EXPECT_TRUE(library().glance().empty());
  EXPECT_EQ(labels_read_, 1);
}

TEST_F(HandFedLibraryTest, ALabelIsReadOncePerInsertion) {
  drive_.insert(tape("MX0001L8"));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(library().media().size(), 1U);
    load("MX0001L8").reset();
  }
  EXPECT_EQ(labels_read_, 1);
  swap_for(nullptr);
  EXPECT_TRUE(library().media().empty());
  drive_.insert(tape("MX0002L8"));
  EXPECT_EQ(library().media().front().label, "MX0002L8");
  EXPECT_EQ(labels_read_, 2);
}

TEST_F(HandFedLibraryTest, ADriveThatNobodyWatchedIsLookedIntoBeforeItsTapeIsHandedOver) {
  options_.trust_for = 0ms;
  drive_.insert(tape("MX0001L8"));
  EXPECT_EQ(library().media().size(), 1U);
  static_cast<void>(drive_.take_out());
  drive_.insert(tape("MX0002L8"));
  EXPECT_THAT(request_for("MX0001L8"), HasSubstr("in place of MX0002L8"));
  EXPECT_EQ(request_for("MX0002L8"), "put tape MX0002L8 into /dev/nst0");  // It came out.
}

TEST_F(HandFedLibraryTest, ATapeExchangedBetweenTwoLooksIsSeenWhereTheDriveTellsOfIt) {
  drive_.tells_insertions = true;
  drive_.insert(tape("MX0001L8"));
  EXPECT_EQ(library().media().front().label, "MX0001L8");
  static_cast<void>(drive_.take_out());
  drive_.insert(tape("MX0002L8"));
  EXPECT_EQ(library().media().front().label, "MX0002L8");
}

TEST_F(HandFedLibraryTest, ATapeTakenOutOfItsUsersHandsIsLookedForAnew) {
  options_.look_every = 1h;
  drive_.insert(tape("MX0001L8"));
  {
    const auto drive = load("MX0001L8");
    static_cast<void>(drive_.take_out());
    EXPECT_EQ(error_of([&] { return drive->position(); }), ErrorCode::no_medium);
    drive_.insert(tape("MX0002L8"));
  }
  EXPECT_EQ(library().media().front().label, "MX0002L8");
}

TEST_F(HandFedLibraryTest, WhereNobodyIsAskedNoTapeComesOut) {
  drive_.insert(tape("MX0001L8"));
  try {
    load("MX0007L8").reset();
    FAIL() << "another tape was handed over";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "put tape MX0007L8 into /dev/nst0 in place of MX0001L8");
  }
  EXPECT_EQ(drive_.unloaded, 0);
}

TEST_F(HandFedLibraryTest, TheWrongTapeComesOutOnceAndNeverInALoop) {
  drive_.insert(tape("MX0001L8"));
  EXPECT_EQ(request_for("MX0007L8"),
            "put tape MX0007L8 into /dev/nst0 in place of MX0001L8, which comes out now");
  EXPECT_EQ(drive_.unloaded, 1);
  for (int i = 0; i < 5; ++i) {
    swap_for(tape("MX0001L8"));  // The human puts in the same one again, and again.
    EXPECT_EQ(request_for("MX0007L8"), "put tape MX0007L8 into /dev/nst0 in place of MX0001L8");
  }
  EXPECT_EQ(drive_.unloaded, 1);
  swap_for(tape("MX0007L8"));
  EXPECT_EQ(request_for("MX0007L8"), "");
}

TEST_F(HandFedLibraryTest, WhereItMustNotEjectItOnlyAsks) {
  options_.eject_for_next = false;
  drive_.insert(tape("MX0001L8"));
  EXPECT_EQ(request_for("MX0007L8"), "put tape MX0007L8 into /dev/nst0 in place of MX0001L8");
  EXPECT_EQ(drive_.unloaded, 0);
}

TEST_F(HandFedLibraryTest, ABlankTapeIsNoMediumUntilItIsTakenForWriting) {
  drive_.insert(tape(""));
  EXPECT_TRUE(library().media().empty());
  EXPECT_EQ(library().mover()->drives().front().medium, "");
  EXPECT_EQ(request_for("MX0007L8"),
            "put tape MX0007L8 into /dev/nst0: the tape in it has no label of ours");
  EXPECT_EQ(drive_.unloaded, 0);
  {
    const auto drive = load("MX0007L8", Library::Access::write);
    EXPECT_EQ(library().media().front().label, "MX0007L8");
    ASSERT_TRUE(drive->write_record(as_bytes("MX0007L8")).written);
    ASSERT_TRUE(drive->write_filemark().written);
  }
  EXPECT_EQ(library().media().front().label, "MX0007L8");
}

TEST_F(HandFedLibraryTest, ABlankTapeThatNobodyWroteIsBlankAgain) {
  drive_.insert(tape(""));
  load("MX0007L8", Library::Access::write).reset();
  EXPECT_TRUE(library().media().empty());
}

TEST_F(HandFedLibraryTest, ATapeWithADamagedLabelIsNotTakenForABlankOne) {
  drive_.insert(tape("damaged"));
  EXPECT_TRUE(library().media().empty());
  EXPECT_THAT(request_for("MX0007L8", Library::Access::write), HasSubstr("cannot be used"));
  EXPECT_EQ(drive_.unloaded, 0);
}

TEST_F(HandFedLibraryTest, WithoutALabelOnItTheBarcodeInItsChipCounts) {
  drive_.insert(make_cartridge("MX0003L8"));
  EXPECT_EQ(library().media().front().label, "MX0003L8");
  EXPECT_EQ(request_for("MX0003L8", Library::Access::write), "");
  EXPECT_THAT(request_for("MX0004L8", Library::Access::write), HasSubstr("in place of MX0003L8"));
}

TEST_F(HandFedLibraryTest, WhatWasLoadedForReadingIsNotWritten) {
  drive_.insert(tape("MX0001L8"));
  const auto drive = load("MX0001L8");
  EXPECT_EQ(error_of([&] { return drive->write_record(as_bytes("x")); }),
            ErrorCode::write_protected);
}

TEST_F(HandFedLibraryTest, ADriveInUseIsNotTakenAwayAndNotAsked) {
  drive_.insert(tape("MX0001L8"));
  const auto drive = load("MX0001L8");
  const int before = drive_.polled;
  EXPECT_EQ(error_of([&] { return load("MX0001L8"); }), ErrorCode::busy);
  EXPECT_EQ(error_of([&] { return load("MX0002L8"); }), ErrorCode::busy);
  EXPECT_EQ(error_of([&] {
              library().mover()->unload("MX0001L8");
              return 0;
            }),
            ErrorCode::busy);
  EXPECT_EQ(library().media().size(), 1U);
  EXPECT_TRUE(library().mover()->drives().front().in_use);
  EXPECT_EQ(drive_.polled, before);
  EXPECT_EQ(drive_.unloaded, 0);
}

TEST_F(HandFedLibraryTest, TheDriveIsAskedGently) {
  options_.look_every = 1h;
  drive_.insert(tape("MX0001L8"));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(library().media().size(), 1U);
    load("MX0001L8").reset();
  }
  EXPECT_EQ(drive_.polled, 2);  // Whether there is one, and what it is.
}

TEST_F(HandFedLibraryTest, UnloadingGivesItOutOfTheMouth) {
  drive_.insert(tape("MX0001L8"));
  tapeio::CartridgeMover& mover = *library().mover();
  EXPECT_EQ(error_of([&] {
              mover.unload("MX0002L8");
              return 0;
            }),
            ErrorCode::not_found);
  EXPECT_EQ(mover.export_medium("MX0001L8"), "the mouth of /dev/nst0");
  EXPECT_EQ(drive_.unloaded, 1);
  EXPECT_TRUE(library().media().empty());
}

TEST_F(HandFedLibraryTest, ATapeGivenOutByItsUserIsOut) {
  drive_.insert(tape("MX0001L8"));
  load("MX0001L8")->unload();
  EXPECT_TRUE(library().media().empty());
}

TEST_F(HandFedLibraryTest, AnUnpluggedDriveIsAnErrorUntilItIsBack) {
  drive_.insert(tape("MX0001L8"));
  EXPECT_EQ(library().media().size(), 1U);
  drive_.is_unplugged = true;
  EXPECT_EQ(error_of([&] { return library().media(); }), ErrorCode::io);
  EXPECT_EQ(error_of([&] { return load("MX0001L8"); }), ErrorCode::not_found);
  drive_.is_unplugged = false;
  EXPECT_EQ(library().media().front().label, "MX0001L8");
}

TEST_F(HandFedLibraryTest, CleaningIsTheHumansTask) {
  tapeio::CartridgeMover& mover = *library().mover();
  EXPECT_EQ(error_of([&] {
              mover.clean("drive 1");
              return 0;
            }),
            ErrorCode::unsupported);
  EXPECT_EQ(error_of([&] {
              mover.clean("drive 2");
              return 0;
            }),
            ErrorCode::not_found);
}

TEST_F(HandFedLibraryTest, WithoutARobotThereIsOneDrive) {
  const auto open = [this](const auto&) { return drive_.open(); };
  EXPECT_EQ(error_of([&] {
              return tapeio::make_cartridge_library(
                  {.url = "st:x",
                   .changer = nullptr,
                   .drives = {{.device = "a", .open = open}, {.device = "b", .open = open}}});
            }),
            ErrorCode::invalid);
}

}  // namespace
}  // namespace mixtape::test
