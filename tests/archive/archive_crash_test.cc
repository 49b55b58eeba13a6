// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tapeio/dir_library.h"
#include "tapeio/error.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/memory_library.h"
#include "tests/archive/write_world.h"

// Power may fail between any two operations of a drive and before any commit of the catalog. After
// it: nothing is said to be on a medium that is not; the same job, run again, completes without any
// repair; what was there before stays; and whatever is whole on the media is found again from the
// media alone.

namespace mixtape::archive {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::SizeIs;

// The machine stopped. No Error, so that no code under test can handle it.
struct MachineStopped {};

// A library whose next loaded drive has a fault.
class FaultyLibrary final : public tapeio::Library {
 public:
  explicit FaultyLibrary(tapeio::Library& library) : library_(library) {}

  std::string url() const override { return library_.url(); }
  std::vector<tapeio::MediumSlot> media() override { return library_.media(); }
  void add_medium(std::string_view label, std::uint64_t capacity_bytes) override {
    library_.add_medium(label, capacity_bytes);
  }
  using Library::load;
  std::unique_ptr<tapeio::TapeDrive> load(std::string_view label, Access access,
                                          const tapeio::LoadWatch& watch) override {
    auto drive = std::make_unique<tapeio::FaultyDrive>(library_.load(label, access, watch), plan);
    last = drive.get();
    return drive;
  }

  tapeio::FaultPlan plan;
  tapeio::FaultyDrive* last = nullptr;

 private:
  tapeio::Library& library_;
};

void end_last_tape_file(tapeio::MemoryLibrary& media, const std::string& label) {
  tapeio::MemoryMedium& medium = media.medium(label);
  tapeio::MemoryDrive drive(medium);
  if (medium.object_count() == 0) {
    return;
  }
  drive.locate(medium.object_count() - 1);
  Bytes record(tapeio::kMaxRecordSize);
  if (drive.read_record(record).kind == tapeio::ReadResult::Kind::record) {
    (void)drive.write_filemark();
  }
}

// Three small files over two jobs: the second one appends, and is the one that dies.
class CrashTest : public ::testing::Test {
 protected:
  void prepare(test::WriteWorld& world) {
    world.add_source("old/a", 70'000);
    (void)world.run();
    world.add_source("new/b", 150'000);
    world.add_source("new/c", 10);
  }

  // The world after the second job died: honest, and whole again after one more run.
  void expect_whole_after(test::WriteWorld& world, const std::string& where) {
    SCOPED_TRACE(where);
    const std::vector<std::string> after_crash = world.readable_paths();
    EXPECT_THAT(after_crash, IsSupersetOf({"old/a"}));
    EXPECT_THAT(world.readable_after_recovery(), IsSupersetOf(after_crash));
    EXPECT_NO_THROW((void)world.run());
    EXPECT_THAT(world.readable_paths(), SizeIs(3));
    EXPECT_THAT(world.readable_after_recovery(), SizeIs(3));
    EXPECT_THAT(world.reporter.problems, SizeIs(0));
  }
};

TEST_F(CrashTest, PowerFailsBeforeAnyOperationOfTheDrive) {
  for (std::uint64_t k = 0;; ++k) {
    tapeio::MemoryLibrary media{tapeio::MemoryLibraryOptions{}};
    media.add_medium("MX0001", 16 * MiB);
    FaultyLibrary library(media);
    test::WriteWorld world(library);
    prepare(world);
    library.plan.cut_power_before_operation = k;
    library.plan.on_power_cut = [&] { media.medium("MX0001").cut_power(); };
    bool died = false;
    try {
      (void)world.run();
    } catch (const tapeio::PowerCut&) {
      died = true;
    }
    library.plan = {};
    if (!died) {
      EXPECT_GT(k, 20U);
      return;
    }
    expect_whole_after(world, "before drive operation " + std::to_string(k));
  }
}

// The drive and its driver live on: what was written stays, and Linux' st ends it with a filemark
// of its own when it closes the device. An unfinished tape file looks whole then.
TEST_F(CrashTest, TheProgramIsKilledBeforeAnyOperationAndTheDriverWritesAFilemark) {
  for (std::uint64_t k = 0;; ++k) {
    tapeio::MemoryLibrary media{tapeio::MemoryLibraryOptions{}};
    media.add_medium("MX0001", 16 * MiB);
    FaultyLibrary library(media);
    test::WriteWorld world(library);
    prepare(world);
    library.plan.cut_power_before_operation = k;
    library.plan.on_power_cut = [&] { end_last_tape_file(media, "MX0001"); };
    bool died = false;
    try {
      (void)world.run();
    } catch (const tapeio::PowerCut&) {
      died = true;
    }
    library.plan = {};
    if (!died) {
      EXPECT_GT(k, 20U);
      return;
    }
    SCOPED_TRACE("before drive operation " + std::to_string(k));
    EXPECT_THAT(world.readable_paths(), IsSupersetOf({"old/a"}));
    EXPECT_NO_THROW((void)world.run());
    EXPECT_THAT(world.readable_paths(), SizeIs(3));
    EXPECT_THAT(world.readable_after_recovery(), SizeIs(3));
  }
}

TEST_F(CrashTest, TheProgramIsKilledInTheVeryFirstJobAndTheDriverWritesAFilemark) {
  for (std::uint64_t k = 0;; ++k) {
    tapeio::MemoryLibrary media{tapeio::MemoryLibraryOptions{}};
    media.add_medium("MX0001", 16 * MiB);
    FaultyLibrary library(media);
    test::WriteWorld world(library);
    world.add_source("a", 70'000);
    library.plan.cut_power_before_operation = k;
    library.plan.on_power_cut = [&] { end_last_tape_file(media, "MX0001"); };
    bool died = false;
    try {
      (void)world.run();
    } catch (const tapeio::PowerCut&) {
      died = true;
    }
    library.plan = {};
    if (!died) {
      return;
    }
    SCOPED_TRACE("before drive operation " + std::to_string(k));
    EXPECT_NO_THROW((void)world.run());
    EXPECT_THAT(world.readable_paths(), SizeIs(1));
    EXPECT_THAT(world.readable_after_recovery(), SizeIs(1));
  }
}

TEST_F(CrashTest, PowerFailsBeforeAnyOperationOfTheVeryFirstJob) {
  for (std::uint64_t k = 0;; ++k) {
    tapeio::MemoryLibrary media{tapeio::MemoryLibraryOptions{}};
    media.add_medium("MX0001", 16 * MiB);
    FaultyLibrary library(media);
    test::WriteWorld world(library);
    world.add_source("a", 70'000);
    library.plan.cut_power_before_operation = k;
    library.plan.on_power_cut = [&] { media.medium("MX0001").cut_power(); };
    bool died = false;
    try {
      (void)world.run();
    } catch (const tapeio::PowerCut&) {
      died = true;
    }
    library.plan = {};
    if (!died) {
      return;
    }
    SCOPED_TRACE("before drive operation " + std::to_string(k));
    EXPECT_NO_THROW((void)world.readable_paths());
    EXPECT_NO_THROW((void)world.run());
    EXPECT_THAT(world.readable_paths(), SizeIs(1));
    EXPECT_THAT(world.readable_after_recovery(), SizeIs(1));
  }
}

TEST_F(CrashTest, TheMachineStopsBeforeAnyCommitOfTheCatalog) {
  for (std::uint64_t k = 0;; ++k) {
    tapeio::MemoryLibrary media{tapeio::MemoryLibraryOptions{}};
    media.add_medium("MX0001", 16 * MiB);
    FaultyLibrary library(media);
    test::WriteWorld world(library);
    prepare(world);
    std::uint64_t commits = 0;
    world.before_commit = [&](std::string_view) {
      if (commits++ == k) {
        media.medium("MX0001").cut_power();
        throw MachineStopped{};
      }
    };
    bool died = false;
    try {
      (void)world.run();
    } catch (const MachineStopped&) {
      died = true;
    }
    world.before_commit = {};
    if (!died) {
      EXPECT_GE(k, 5U);
      return;
    }
    expect_whole_after(world, "before commit " + std::to_string(k));
  }
}

TEST_F(CrashTest, AnyOperationOfTheDriveFailsOnce) {
  for (std::uint64_t k = 0;; ++k) {
    tapeio::MemoryLibrary media{tapeio::MemoryLibraryOptions{}};
    media.add_medium("MX0001", 16 * MiB);
    FaultyLibrary library(media);
    test::WriteWorld world(library);
    prepare(world);
    library.plan.fail_operation = k;
    bool failed = false;
    try {
      (void)world.run();
    } catch (const Error&) {
      failed = true;
    }
    library.plan = {};
    if (!failed) {
      EXPECT_GT(k, 20U);
      return;
    }
    expect_whole_after(world, "failing drive operation " + std::to_string(k));
  }
}

TEST_F(CrashTest, ADirectoryAsAMediumSurvivesTheSameWithWhatItsFilesHold) {
  for (std::uint64_t k = 0;; ++k) {
    test::TempDir directory(test::TempDir::Place::memory);
    tapeio::DirLibrary media(directory.path());
    media.add_medium("MX0001", 16 * MiB);
    FaultyLibrary library(media);
    test::WriteWorld world(library);
    prepare(world);
    library.plan.cut_power_before_operation = k;
    bool died = false;
    try {
      (void)world.run();
    } catch (const tapeio::PowerCut&) {
      died = true;
    }
    library.plan = {};
    if (!died) {
      return;
    }
    expect_whole_after(world, "before operation " + std::to_string(k));
  }
}

// Only a closing index tells what went wrong while the archive before it was written.
TEST_F(CrashTest, TheClosingIndexThatAJobDidNotComeToIsWrittenByTheNextRunWithoutAnythingNew) {
  for (const std::optional<std::uint64_t> warned_after : {std::optional<std::uint64_t>{}, {7U}}) {
    for (std::uint64_t k = 0;; ++k) {
      tapeio::MemoryLibrary media{tapeio::MemoryLibraryOptions{}};
      media.add_medium("MX0001", 16 * MiB);
      FaultyLibrary library(media);
      test::WriteWorld world(library);
      prepare(world);
      world.add_source("new/z-bad", 70'000);
      bool changed = false;
      world.before_commit = [&](std::string_view step) {
        if (step == "plan bundle") {
          changed = true;
          std::ofstream(world.on_disk("new/z-bad"), std::ios::app) << "more";
        }
      };
      library.plan.cut_power_before_operation = k;
      library.plan.on_power_cut = [&] { media.medium("MX0001").cut_power(); };
      if (warned_after) {
        library.plan.early_warning_after_bytes = *warned_after * test::WriteWorld::kRecord;
      }
      bool died = false;
      try {
        (void)world.run();
      } catch (const tapeio::PowerCut&) {
        died = true;
      }
      library.plan = {};
      world.before_commit = {};
      if (!changed) {
        continue;  // It died before there was anything to tell.
      }
      SCOPED_TRACE("before drive operation " + std::to_string(k) +
                   (warned_after ? " of a medium that is full" : ""));
      EXPECT_NO_THROW((void)world.run());
      EXPECT_EQ(world.last_index("MX0001").role, catalog::IndexRole::closing);
      EXPECT_EQ(world.readable_after_recovery(), world.readable_paths());
      EXPECT_THAT(world.readable_after_recovery(), Not(Contains("new/z-bad")));
      if (!died) {
        EXPECT_GT(k, 20U);
        break;
      }
    }
  }
}

// --- Disks that are nearly full; media that end are in end_of_medium_test.cc

TEST_F(CrashTest, ADiskThatIsNearlyFullDoesNotMakeItsMediaFull) {
  for (std::uint64_t records = 0; records < 6; ++records) {
    SCOPED_TRACE("short of room after record " + std::to_string(records));
    tapeio::MemoryLibrary media{tapeio::MemoryLibraryOptions{}};
    media.add_medium("MX0001", 16 * MiB);
    media.add_medium("MX0002", 16 * MiB);
    FaultyLibrary library(media);
    test::WriteWorld world(library);
    prepare(world);
    library.plan.early_warning_after_bytes = records * test::WriteWorld::kRecord;
    library.plan.shortage = "the disk under /media is nearly full: free some space";
    std::string said;
    try {
      (void)world.run();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::no_space);
      said = error.what();
    }
    for (const std::string& line : world.reporter.notes) {
      said += line;
    }
    EXPECT_THAT(said, HasSubstr("free some space"));
    if (records == 0) {
      EXPECT_EQ(media.medium("MX0002").object_count(), 0U) << "labelled in vain";
    }
    {
      catalog::Database database = world.open_catalog();
      for (const catalog::Medium& medium : catalog::Ledger(database).media()) {
        EXPECT_EQ(medium.state, catalog::MediumState::active) << medium.label;
      }
    }
    library.plan = {};
    (void)world.run();
    EXPECT_THAT(world.readable_paths(), SizeIs(3));
    EXPECT_THAT(world.readable_after_recovery(), SizeIs(3));
  }
}

}  // namespace
}  // namespace mixtape::archive
