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
#include "tests/support/counted_cases.h"

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

void end_last_tape_file(tapeio::MemoryMedium& medium) {
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

// The library with the one medium that a job writes to, and what may happen to that.
struct Media {
  std::unique_ptr<tapeio::Library> library;
  std::function<void()> lose_power = [] {};
  // The drive and its driver live on: what was written stays, and Linux' st ends it with a filemark
  // of its own when it closes the device. An unfinished tape file looks whole then.
  std::function<void()> close_device = [] {};
};

Media in_memory() {
  auto library = std::make_unique<tapeio::MemoryLibrary>(tapeio::MemoryLibraryOptions{});
  library->add_medium("MX0001", 16 * MiB);
  tapeio::MemoryMedium& medium = library->medium("MX0001");
  return {.library = std::move(library),
          .lose_power = [&medium] { medium.cut_power(); },
          .close_device = [&medium] { end_last_tape_file(medium); }};
}

// What a job may meet, and what must hold afterwards.
struct Sweep {
  // Makes the world in which the job under test runs next.
  std::function<void(test::WriteWorld&)> prepare;
  // Sets the fault of step k.
  std::function<void(std::uint64_t k, Media&, FaultyLibrary&, test::WriteWorld&)> plan;
  // Asked when the job is over and the fault is gone.
  std::function<void(test::WriteWorld&)> holds;
  std::uint64_t least_steps = 0;  // With fewer the job under test was not under test.
  std::function<Media()> media = in_memory;
};

// A drive that failed may have cost no more than a word.
bool is_disturbed(test::WriteWorld& world) {
  try {
    (void)world.run();
    return !world.reporter.notes.empty();
  } catch (const tapeio::PowerCut&) {
    return true;
  } catch (const MachineStopped&) {
    return true;
  } catch (const Error&) {
    return true;
  }
}

// In world after world the job is disturbed at its k-th step, until it ends before that.
void run(const Sweep& sweep) {
  test::CountedCases cases(testing::UnitTest::GetInstance()->current_test_info()->name());
  bool disturbed = true;
  for (std::uint64_t k = 0; disturbed; ++k) {
    SCOPED_TRACE("at step " + std::to_string(k));
    cases.run([&] {
      Media media = sweep.media();
      FaultyLibrary library(*media.library);
      test::WriteWorld world(library);
      sweep.prepare(world);
      sweep.plan(k, media, library, world);
      disturbed = is_disturbed(world);
      library.plan = {};
      world.before_commit = {};
      world.reporter = {};
      sweep.holds(world);
      EXPECT_TRUE(disturbed || k >= sweep.least_steps) << "it ended after " << k << " steps";
    });
  }
}

void lose_power_at(std::uint64_t k, Media& media, FaultyLibrary& library, test::WriteWorld&) {
  library.plan.cut_power_before_operation = k;
  library.plan.on_power_cut = media.lose_power;
}

void be_killed_at(std::uint64_t k, Media& media, FaultyLibrary& library, test::WriteWorld&) {
  library.plan.cut_power_before_operation = k;
  library.plan.on_power_cut = media.close_device;
}

void fail_at(std::uint64_t k, Media&, FaultyLibrary& library, test::WriteWorld&) {
  library.plan.fail_operation = k;
}

void stop_at_commit(std::uint64_t k, Media& media, FaultyLibrary&, test::WriteWorld& world) {
  world.before_commit = [k, &media, commits = std::uint64_t{0}](std::string_view) mutable {
    if (commits++ == k) {
      media.lose_power();
      throw MachineStopped{};
    }
  };
}

// Three small files over two jobs: the second one appends, and is the one that dies.
void prepare(test::WriteWorld& world) {
  world.add_source("old/a", 70'000);
  (void)world.run();
  world.add_source("new/b", 150'000);
  world.add_source("new/c", 10);
}

void prepare_first_job(test::WriteWorld& world) {
  world.add_source("old/a", 70'000);
}

// After the death the world is honest, and whole again after one more run.
void expect_whole(test::WriteWorld& world) {
  const std::vector<std::string> after_crash = world.readable_paths();
  EXPECT_THAT(after_crash, IsSupersetOf({"old/a"}));
  EXPECT_THAT(world.readable_after_recovery(), IsSupersetOf(after_crash));
  EXPECT_NO_THROW((void)world.run());
  EXPECT_THAT(world.readable_paths(), SizeIs(3));
  EXPECT_THAT(world.readable_after_recovery(), SizeIs(3));
  EXPECT_THAT(world.reporter.problems, SizeIs(0));
}

// The same where an unfinished tape file may look whole: a stranger's reading of it says nothing.
void expect_whole_behind_driver(test::WriteWorld& world) {
  EXPECT_THAT(world.readable_paths(), IsSupersetOf({"old/a"}));
  EXPECT_NO_THROW((void)world.run());
  EXPECT_THAT(world.readable_paths(), SizeIs(3));
  EXPECT_THAT(world.readable_after_recovery(), SizeIs(3));
}

void expect_first_job_whole(test::WriteWorld& world) {
  EXPECT_NO_THROW((void)world.readable_paths());
  EXPECT_NO_THROW((void)world.run());
  EXPECT_THAT(world.readable_paths(), SizeIs(1));
  EXPECT_THAT(world.readable_after_recovery(), SizeIs(1));
}

TEST(CrashTest, PowerFailsBeforeAnyOperationOfTheDrive) {
  run({prepare, lose_power_at, expect_whole, 21});
}

TEST(CrashTest, TheProgramIsKilledBeforeAnyOperationAndTheDriverWritesAFilemark) {
  run({prepare, be_killed_at, expect_whole_behind_driver, 21});
}

TEST(CrashTest, TheProgramIsKilledInTheVeryFirstJobAndTheDriverWritesAFilemark) {
  run({prepare_first_job, be_killed_at, expect_first_job_whole, 10});
}

TEST(CrashTest, PowerFailsBeforeAnyOperationOfTheVeryFirstJob) {
  run({prepare_first_job, lose_power_at, expect_first_job_whole, 10});
}

TEST(CrashTest, TheMachineStopsBeforeAnyCommitOfTheCatalog) {
  run({prepare, stop_at_commit, expect_whole, 5});
}

TEST(CrashTest, AnyOperationOfTheDriveFailsOnce) {
  run({prepare, fail_at, expect_whole, 21});
}

TEST(CrashTest, ADirectoryAsAMediumSurvivesTheSameWithWhatItsFilesHold) {
  const test::TempDir directory(test::TempDir::Place::memory);
  int worlds = 0;
  const auto in_directory = [&] {
    const auto place = directory.path() / std::to_string(++worlds);
    std::filesystem::create_directory(place);
    Media media{.library = std::make_unique<tapeio::DirLibrary>(place)};
    media.library->add_medium("MX0001", 16 * MiB);
    return media;
  };
  run({prepare, lose_power_at, expect_whole, 21, in_directory});
}

// Only a closing index tells what went wrong while the archive before it was written.
TEST(CrashTest, TheClosingIndexThatAJobDidNotComeToIsWrittenByTheNextRunWithoutAnythingNew) {
  for (const std::optional<std::uint64_t> warned_after : {std::optional<std::uint64_t>{}, {7U}}) {
    SCOPED_TRACE(warned_after ? "a medium that is full" : "a medium with room");
    bool changed = false;
    const auto prepare_bad_source = [](test::WriteWorld& world) {
      prepare(world);
      world.add_source("new/z-bad", 70'000);
    };
    const auto change_and_lose_power = [&](std::uint64_t k, Media& media, FaultyLibrary& library,
                                           test::WriteWorld& world) {
      changed = false;
      world.before_commit = [&](std::string_view step) {
        if (step == "plan bundle") {
          changed = true;
          std::ofstream(world.on_disk("new/z-bad"), std::ios::app) << "more";
        }
      };
      lose_power_at(k, media, library, world);
      if (warned_after) {
        library.plan.early_warning_after_bytes = *warned_after * test::WriteWorld::kRecord;
      }
    };
    const auto expect_told = [&](test::WriteWorld& world) {
      if (!changed) {
        return;  // It died before there was anything to tell.
      }
      EXPECT_NO_THROW((void)world.run());
      EXPECT_EQ(world.last_index("MX0001").role, catalog::IndexRole::closing);
      EXPECT_EQ(world.readable_after_recovery(), world.readable_paths());
      EXPECT_THAT(world.readable_after_recovery(), Not(Contains("new/z-bad")));
    };
    run({prepare_bad_source, change_and_lose_power, expect_told, 21});
  }
}

// --- Disks that are nearly full; media that end are in end_of_medium_test.cc

TEST(CrashTest, ADiskThatIsNearlyFullDoesNotMakeItsMediaFull) {
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
