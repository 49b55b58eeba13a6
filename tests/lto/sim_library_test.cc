// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/sim_library.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <sstream>
#include <thread>

#include "tapeio/error.h"
#include "tests/lto/sim_writing.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"

namespace mixtape::tapeio::lto {
namespace {

using test::error_of;
using Access = Library::Access;

class LtoSimLibrary : public testing::Test {
 protected:
  [[nodiscard]] std::string url(const std::string& options = "") const {
    return "sim:" + directory_.path().string() + ",capacity=16MiB,host=none" + options;
  }
  SimLibrary& open(const std::string& options = "") {
    library_ = open_library(url(options));
    return dynamic_cast<SimLibrary&>(*library_);
  }
  void add(const std::vector<std::string>& labels) {
    for (const std::string& label : labels) {
      library_->add_medium(label, kCapacity);
    }
  }
  [[nodiscard]] std::string place(const std::string& label) {
    for (const MediumSlot& slot : library_->media()) {
      if (slot.label == label) {
        return slot.place;
      }
    }
    return "nowhere";
  }

  test::TempDir directory_{test::TempDir::Place::memory};
  std::unique_ptr<Library> library_;
};

TEST_F(LtoSimLibrary, WhatIsInADriveIsThereForTheNextProgramToo) {
  open(",drives=2");
  add({"A", "B"});
  library_->load("B", Access::read).reset();
  SimLibrary& next = open(",drives=2");
  EXPECT_EQ(place("B"), "drive 1");
  EXPECT_EQ(place("A"), "slot 1");
  EXPECT_EQ(next.drives().at(0).medium, "B");
  EXPECT_TRUE(next.load("B", Access::read)->medium());
  EXPECT_EQ(next.report().count_of(SimKind::robot), 0u);
  EXPECT_EQ(next.report().count_of(SimKind::load), 0u);
}

TEST_F(LtoSimLibrary, WhatTheNextProgramUnloadsIsOut) {
  open();
  add({"A"});
  library_->load("A", Access::read).reset();
  SimLibrary& next = open();
  next.unload("A");
  EXPECT_EQ(next.report().count_of(SimKind::unload), 1u);
  open();
  EXPECT_EQ(place("A"), "slot 1");
}

TEST_F(LtoSimLibrary, WhatWasLeftInADriveMakesRoomForAnother) {
  open();
  add({"A", "B"});
  library_->load("A", Access::read).reset();
  SimLibrary& next = open();
  EXPECT_TRUE(next.load("B", Access::read)->medium());
  EXPECT_EQ(next.report().count_of(SimKind::unload), 1u);
  EXPECT_EQ(place("A"), "slot 1");
  EXPECT_EQ(place("B"), "drive 1");
}

TEST_F(LtoSimLibrary, WhatWasCarriedOffOutOfADriveIsInNone) {
  open();
  add({"A", "B"});
  library_->load("A", Access::read).reset();
  std::filesystem::remove_all(directory_ / "A");
  SimLibrary& next = open();
  EXPECT_EQ(next.media().size(), 1u);
  EXPECT_EQ(next.drives().at(0).medium, std::nullopt);
  EXPECT_TRUE(next.load("B", Access::read)->medium());
}

TEST_F(LtoSimLibrary, WithoutItsDirectoryItSaysSoInOneSentence) {
  try {
    static_cast<void>(open_library("sim:/nope,generation=8"));
    FAIL() << "there is no such directory";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_STREQ(error.what(),
                 "open library sim:/nope: there is no such directory; make an empty one, or "
                 "attach the disk that has it");
  }
}

TEST_F(LtoSimLibrary, UrlOpensItAgain) {
  EXPECT_EQ(open(",drives=2").url(), url(",drives=2"));
  EXPECT_EQ(error_of([] { return open_library("sim:/no/such/directory"); }), ErrorCode::not_found);
  EXPECT_EQ(error_of([] { return open_library("sim:relative"); }), ErrorCode::invalid);
}

TEST_F(LtoSimLibrary, CartridgesMoveAndVaryInCapacity) {
  open();
  add({"MX0001L9", "MX0002L9"});
  const std::vector<MediumSlot> slots = library_->media();
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_TRUE(slots[0].moves);
  EXPECT_FALSE(slots[0].loaded);
  EXPECT_EQ(slots[0].device_id, 0u);
  EXPECT_EQ(slots[0].place, "slot 1");
  EXPECT_NE(slots[0].capacity_bytes, slots[1].capacity_bytes);
  for (const MediumSlot& slot : slots) {
    EXPECT_NEAR(static_cast<double>(slot.capacity_bytes.value()), kCapacity, 0.03 * kCapacity);
  }
  EXPECT_EQ(error_of([&] { return add({"MX0001L9"}), 0; }), ErrorCode::conflict);
  EXPECT_EQ(error_of([&] { return library_->load("MX0009L9", Access::read); }),
            ErrorCode::not_found);
}

TEST_F(LtoSimLibrary, NoCartridgeIsLargerThanItsGeneration) {
  open(",vary=no");
  library_->add_medium("A", 100 * kCapacity);
  library_->add_medium("B", kCapacity / 2);
  EXPECT_EQ(library_->media().at(0).capacity_bytes, kCapacity);
  EXPECT_EQ(library_->media().at(1).capacity_bytes, kCapacity / 2);
}

TEST_F(LtoSimLibrary, EarlyWarningComesAtEveryRecordOfASmallCartridgeAndItEndsWithAFilemark) {
  constexpr std::uint64_t kRecords = 16;
  SimLibrary& library = open(",vary=no");
  for (std::uint64_t at = 1; at <= kRecords; ++at) {
    const std::string label = "S" + std::to_string(at);
    // The zone of early warning is a twentieth: this is where it begins for record `at`.
    library.add_medium(label, at * kRecord * 20 / 19);
    const auto drive = library.load(label, Access::write);
    for (std::uint64_t record = 1; record < at; ++record) {
      ASSERT_FALSE(drive->write_record(test::pattern(kRecord)).early_warning) << label;
    }
    const WriteResult last = drive->write_record(test::pattern(kRecord));
    EXPECT_TRUE(last.written && last.early_warning) << label;
    EXPECT_TRUE(drive->write_filemark().written);
    EXPECT_EQ(drive->position(), (Position{at + 1, 1}));
  }
}

TEST_F(LtoSimLibrary, FullLibraryTakesNoMore) {
  open(",slots=2");
  add({"A", "B"});
  EXPECT_EQ(error_of([&] { return add({"C"}), 0; }), ErrorCode::no_space);
}

TEST_F(LtoSimLibrary, FirstLoadIsACarryAndALoad) {
  SimLibrary& library = open();
  add({"A"});
  const auto drive = library.load("A", Access::write);
  EXPECT_DOUBLE_EQ(library.report().seconds_of(SimKind::robot), 10);
  EXPECT_DOUBLE_EQ(library.report().seconds_of(SimKind::load), 17);
  EXPECT_EQ(place("A"), "drive 1");
  EXPECT_TRUE(library.media().at(0).loaded);
  EXPECT_NEAR(std::chrono::duration<double>(library.clock("drive 1").elapsed()).count(), 27, 1e-6);
}

TEST_F(LtoSimLibrary, DriveKeepsItsCartridgeUntilAnotherIsWanted) {
  SimLibrary& library = open();
  add({"A", "B"});
  library.load("A", Access::write).reset();
  library.load("A", Access::read).reset();
  EXPECT_EQ(library.report().count_of(SimKind::load), 1u);
  EXPECT_EQ(library.drives().at(0).medium, "A");
  library.load("B", Access::read).reset();
  EXPECT_EQ(library.report().count_of(SimKind::load), 2u);
  EXPECT_EQ(library.report().count_of(SimKind::unload), 1u);
  EXPECT_EQ(library.report().count_of(SimKind::robot), 3u);
  EXPECT_EQ(place("A"), "slot 1");
}

TEST_F(LtoSimLibrary, EveryDriveInUseIsToldAsLocked) {
  SimLibrary& library = open(",drives=2");
  add({"A", "B", "C"});
  const auto one = library.load("A", Access::read);
  auto two = library.load("B", Access::read);
  EXPECT_EQ(error_of([&] { return library.load("C", Access::read); }), ErrorCode::busy);
  EXPECT_EQ(error_of([&] { return library.load("A", Access::read); }), ErrorCode::busy);
  two.reset();
  EXPECT_NE(library.load("C", Access::read), nullptr);
  EXPECT_EQ(place("A"), "drive 1");
  EXPECT_EQ(place("B"), "slot 2");
}

TEST_F(LtoSimLibrary, ReloadedCartridgeStandsAtTheBeginningWithItsData) {
  SimLibrary& library = open();
  add({"A"});
  write_files(*library.load("A", Access::write), 2, 3);
  const auto drive = library.load("A", Access::read);
  EXPECT_EQ(drive->position(), (Position{0, 0}));
  Bytes buffer(kRecord);
  EXPECT_EQ(drive->read_record(buffer).size, kRecord);
  EXPECT_EQ(buffer, test::pattern(kRecord));
  EXPECT_GT(library.report().seconds_of(SimKind::rewind), 0);
}

TEST_F(LtoSimLibrary, WhatIsOnTheTapeIsKnownInTheNextRun) {
  open();
  add({"A"});
  write_files(*library_->load("A", Access::write), 3, 20);
  const auto wraps_of = [&] {
    return library_->load("A", Access::read)->features().wraps->ends_of_wraps();
  };
  const std::vector<std::uint64_t> before = wraps_of();
  EXPECT_GT(before.size(), 50u);
  open();
  EXPECT_EQ(wraps_of(), before);
}

TEST_F(LtoSimLibrary, UnloadedAndExportedCartridgesLeaveTheirDrive) {
  SimLibrary& library = open();
  add({"A", "B"});
  library.load("A", Access::read).reset();
  CartridgeMover* mover = library.mover();
  ASSERT_NE(mover, nullptr);
  mover->unload("A");
  EXPECT_EQ(library.drives().at(0).medium, std::nullopt);
  mover->unload("A");
  library.load("A", Access::read).reset();
  EXPECT_EQ(mover->export_medium("A"), "import/export 1");
  EXPECT_EQ(place("A"), "import/export 1");
  open();
  EXPECT_EQ(place("A"), "import/export 1");
  EXPECT_EQ(place("B"), "slot 2");
  library_->load("A", Access::read).reset();
  library_->mover()->unload("A");
  EXPECT_EQ(place("A"), "slot 1");
  EXPECT_EQ(error_of([&] {
              library_->mover()->unload("C");
              return 0;
            }),
            ErrorCode::not_found);
}

TEST_F(LtoSimLibrary, NothingIsTakenFromADriveInUse) {
  SimLibrary& library = open();
  add({"A"});
  const auto drive = library.load("A", Access::read);
  EXPECT_EQ(error_of([&] {
              library.unload("A");
              return 0;
            }),
            ErrorCode::busy);
  EXPECT_EQ(error_of([&] { return library.export_medium("A"); }), ErrorCode::busy);
  EXPECT_EQ(error_of([&] {
              library.clean("drive 1");
              return 0;
            }),
            ErrorCode::busy);
  EXPECT_TRUE(library.drives().at(0).in_use);
}

TEST_F(LtoSimLibrary, DriveThatUnloadsItselfIsEmptyAfterwards) {
  SimLibrary& library = open();
  add({"A"});
  library.load("A", Access::read)->unload();
  EXPECT_EQ(library.drives().at(0).medium, std::nullopt);
  EXPECT_EQ(place("A"), "slot 1");
  EXPECT_EQ(library.report().count_of(SimKind::robot), 2u);
}

TEST_F(LtoSimLibrary, CleaningTakesTheDriveForAWhile) {
  SimLibrary& library = open();
  add({"A", "CLN001L9"});
  library.load("A", Access::read).reset();
  library.clean("drive 1");
  EXPECT_EQ(place("A"), "slot 1");
  // Both there and back, and the cleaning.
  EXPECT_EQ(library.report("drive 1").count_of(SimKind::robot), 5u);
  EXPECT_NEAR(library.report("drive 1").seconds_of(SimKind::robot), 4 * 10 + 120, 1e-6);
  EXPECT_EQ(error_of([&] {
              library.clean("drive 7");
              return 0;
            }),
            ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { return library.report("drive 7"); }), ErrorCode::not_found);
}

TEST_F(LtoSimLibrary, TapeReadInOrderIsMoreThan99PercentSequential) {
  SimLibrary& library = open();
  add({"A"});
  write_files(*library.load("A", Access::write), 10, 20);
  library.unload("A");
  const SimReport before = library.report();
  {
    const auto drive = library.load("A", Access::read);
    Bytes buffer(kRecord);
    while (drive->read_record(buffer).kind != ReadResult::Kind::end_of_data) {
    }
  }
  SimReport reading = library.report();
  for (std::size_t kind = 0; kind < kSimKinds; ++kind) {
    reading.seconds[kind] -= before.seconds[kind];
  }
  EXPECT_GT(reading.sequential_share(), 0.99) << to_string(reading);
}

TEST_F(LtoSimLibrary, DrivesWorkAtTheSameTime) {
  SimLibrary& library = open(",drives=2");
  add({"A", "B", "C"});
  std::vector<std::thread> users;
  for (const char* label : {"A", "B", "C"}) {
    users.emplace_back([&library, label] {
      // Three users of two drives: one of them waits for its turn all the time.
      for (int written = 0; written < 5;) {
        try {
          write_files(*library.load(label, Access::write), 1, 2);
          ++written;
        } catch (const Error& error) {
          ASSERT_EQ(error.code(), ErrorCode::busy);
          std::this_thread::yield();
        }
        static_cast<void>(library.media());
        static_cast<void>(library.report());
      }
    });
  }
  for (std::thread& user : users) {
    user.join();
  }
  for (const DriveSlot& drive : library.drives()) {
    EXPECT_FALSE(drive.in_use);
  }
  const SimReport report = library.report();
  EXPECT_EQ(report.bytes_written % kRecord, 0u);
  EXPECT_GE(report.count_of(SimKind::load), 3u);
  EXPECT_EQ(report.bytes_written, 3 * 5 * 2 * kRecord);
}

TEST_F(LtoSimLibrary, ScaledClockLetsTheProgramWait) {
  SimLibrary& library = open(",clock=1000");
  add({"A"});
  const auto begin = std::chrono::steady_clock::now();
  library.load("A", Access::read).reset();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(27));
}

TEST_F(LtoSimLibrary, TraceHasALineForEachOperation) {
  SimLibrary& library = open();
  add({"A"});
  {
    const auto drive = library.load("A", Access::write);
    write_files(*drive, 1, 3);
    drive->rewind();
    drive->locate(2);
    Bytes buffer(kRecord);
    static_cast<void>(drive->read_record(buffer));
    drive->unload();
  }
  std::istringstream lines(test::read_text(directory_ / "trace.txt"));
  std::vector<std::string> operations;
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string field;
    for (int column = 0; column < 4; ++column) {
      std::getline(fields, field, '\t');
    }
    operations.push_back(field);
  }
  EXPECT_EQ(operations, (std::vector<std::string>{"robot", "load", "write", "filemark", "rewind",
                                                  "locate", "read", "unload", "robot"}));
}

TEST_F(LtoSimLibrary, FaultsArePutBelowTheSimulatedDrive) {
  SimLibraryOptions options = parse_sim_options(directory_.path().string() + ",capacity=16MiB");
  int wrapped = 0;
  options.wrap_medium = [&](std::unique_ptr<TapeDrive> drive, std::string_view label) {
    wrapped += label == "A" ? 1 : 0;
    return drive;
  };
  SimLibrary library(options);
  library.add_medium("A", kCapacity);
  library.load("A", Access::read).reset();
  EXPECT_EQ(wrapped, 1);
}

}  // namespace
}  // namespace mixtape::tapeio::lto
