// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <latch>
#include <thread>

#include "tests/library/changer_library_fixture.h"
#include "tests/support/patterns.h"

// Drives that take their time, robots that jam, and many who want the same drive.

namespace mixtape::test {
namespace {

using tapeio::Library;
using testing::IsEmpty;

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

}  // namespace
}  // namespace mixtape::test
