// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/medium_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/archive/targets.h"
#include "engine/catalog/snapshot.h"
#include "tapeio/dir_description.h"
#include "tapeio/dir_files.h"
#include "tapeio/dir_library.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/lto/sim_library.h"
#include "tapeio/memory_library.h"
#include "tests/archive/medium_writer_fixture.h"
#include "tests/archive/write_world.h"
#include "tests/support/errors.h"

namespace mixtape::archive {
namespace {

using test::error_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(MediumWriterTest, ABlankMediumGetsArchaeologyABundleAndAClosingIndex) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("photos/a.raw", 100'000);
  world_.add_source("photos/b.raw", 200'000);
  const WriteOutcome outcome = world_.run();
  EXPECT_EQ(outcome.files, 2U);
  EXPECT_EQ(outcome.bytes, 300'000U);
  ASSERT_THAT(outcome.media, SizeIs(1));
  EXPECT_TRUE(outcome.media[0].labelled_now);
  EXPECT_EQ(tape_files("MX0001"), 4U);
  EXPECT_EQ(index_at("MX0001", 1).role, catalog::IndexRole::bundle);
  const catalog::IndexLabel closing = index_at("MX0001", 3);
  EXPECT_EQ(closing.role, catalog::IndexRole::closing);
  EXPECT_EQ(closing.last_bundle, 1U);
  EXPECT_EQ(closing.tape_file, 3U);
  EXPECT_THAT(world_.readable_paths(), ElementsAre("photos/a.raw", "photos/b.raw"));
  EXPECT_THAT(world_.reporter.problems, IsEmpty());
}

TEST_F(MediumWriterTest, AppendingWritesOverTheClosingIndexAndNothingElse) {
  library_.add_medium("MX0001", 64 * MiB);
  for (int job = 1; job <= 3; ++job) {
    world_.add_source("f" + std::to_string(job), 50'000);
    (void)world_.run();
    EXPECT_EQ(tape_files("MX0001"), 2U + 2U * static_cast<unsigned>(job));
  }
  EXPECT_THAT(world_.readable_paths(), SizeIs(3));
  EXPECT_GT(index_at("MX0001", 7).sequence, index_at("MX0001", 5).sequence);
}

TEST_F(MediumWriterTest, WhatIsAppendedToWasSeen) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  {
    catalog::Database database = world_.open_catalog();
    database.execute("INSERT INTO state.unseen SELECT uuid FROM main.medium");
  }
  world_.add_source("b", 1000);
  (void)world_.run();
  catalog::Database database = world_.open_catalog();
  EXPECT_THAT(catalog::Ledger(database).unseen_media(), IsEmpty());
}

TEST_F(MediumWriterTest, WhatAMediumIsSaidToHoldIsWhatTheCatalogSaysOfItLater) {
  library_.add_medium("MX0001", 64 * MiB);
  for (const char* path : {"a", "b"}) {
    world_.add_source(path, 300'000);
    const WriteOutcome outcome = world_.run();
    catalog::Database database = world_.open_catalog();
    catalog::Ledger ledger(database);
    const auto medium = ledger.medium("MX0001");
    EXPECT_EQ(outcome.media.at(0).used_bytes, used_as_known(*medium, ledger.bundles(medium->id)));
  }
}

TEST_F(MediumWriterTest, AJobWithoutDataStillClosesAMedium) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  const std::uint64_t before = index_at("MX0001", 3).sequence;
  world_.add_source("empty", 0);
  const WriteOutcome outcome = world_.run();
  EXPECT_EQ(outcome.files, 0U);
  EXPECT_EQ(tape_files("MX0001"), 4U);
  EXPECT_GT(index_at("MX0001", 3).sequence, before);
}

TEST_F(MediumWriterTest, SeveralMediaFillUpAndNothingContinuesOnTheNext) {
  for (const char* label : {"MX0001", "MX0002", "MX0003"}) {
    library_.add_medium(label, 9 * MiB);
  }
  for (int i = 0; i < 16; ++i) {
    world_.add_source("f" + std::to_string(100 + i), MiB);
  }
  const WriteOutcome outcome = world_.run();
  EXPECT_THAT(outcome.media, SizeIs(3));
  EXPECT_THAT(outcome.no_room, IsEmpty());
  EXPECT_EQ(outcome.files, 16U);
  EXPECT_THAT(world_.readable_paths(), SizeIs(16));
}

TEST_F(MediumWriterTest, WhatFindsNoRoomIsNamedAndWhatIsTooLargeForAnyMediumToo) {
  library_.add_medium("MX0001", 8 * MiB);
  world_.add_source("a", 4 * MiB);
  world_.add_source("b", 4 * MiB);
  world_.add_source("c-huge", 9 * MiB);
  world_.add_source("d", 1000);
  const WriteOutcome outcome = world_.run();
  EXPECT_EQ(outcome.files, 2U);
  EXPECT_THAT(outcome.no_room, ElementsAre("b"));
  ASSERT_THAT(outcome.too_big, SizeIs(1));
  EXPECT_EQ(outcome.too_big[0].path, "c-huge");
  EXPECT_THAT(world_.readable_paths(), ElementsAre("a", "d"));
}

TEST_F(MediumWriterTest, CopiesGoToDistinctMedia) {
  library_.add_medium("MX0001", 64 * MiB);
  library_.add_medium("MX0002", 64 * MiB);
  world_.add_source("a", 100'000);
  world_.add_source("b", 100'000);
  world_.copies = 2;
  const WriteOutcome outcome = world_.run();
  EXPECT_EQ(outcome.files, 4U);
  EXPECT_THAT(outcome.no_room, IsEmpty());
  EXPECT_EQ(tape_files("MX0001"), 4U);
  EXPECT_EQ(tape_files("MX0002"), 4U);
  EXPECT_EQ(world_.run().files, 0U);
  // The medium that was closed last knows all; the other one knows all that was there when it was
  // left.
  world_.copies = 3;
  EXPECT_THAT(world_.run().no_room, ElementsAre("a", "b"));
}

TEST_F(MediumWriterTest, TheSameContentIsStoredOncePerMedium) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.hash_first = true;
  world_.add_source("a", 2 * MiB);
  world_.add_source("b", 10);
  std::filesystem::copy_file(world_.on_disk("a"), world_.on_disk("c"));
  const WriteOutcome outcome = world_.run();
  EXPECT_LT(outcome.media[0].archive_bytes, 3 * MiB);
}

TEST_F(MediumWriterTest, ABundleIsNeverSmallerThanAThousandIndexes) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.bundle_bytes = 2 * MiB;
  for (int i = 0; i < 6; ++i) {
    world_.add_source("f" + std::to_string(i), MiB);
  }
  EXPECT_EQ(world_.run().media[0].bundles, 1U);
}

TEST_F(MediumWriterTest, ASourceThatChangedIsReportedIsNoCopyAndIsQueuedAgain) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 100'000);
  world_.add_source("b", 100'000);
  world_.before_commit = [&](std::string_view step) {
    if (step == "plan bundle") {
      std::ofstream(world_.on_disk("a"), std::ios::app) << "more";
    }
  };
  const WriteOutcome outcome = world_.run();
  ASSERT_THAT(outcome.bad, SizeIs(1));
  EXPECT_EQ(outcome.bad[0].path, "a");
  EXPECT_THAT(outcome.bad[0].why, HasSubstr("100004 bytes now"));
  EXPECT_THAT(world_.readable_paths(), ElementsAre("b"));
  world_.before_commit = {};
  std::filesystem::resize_file(world_.on_disk("a"), 100'000);
  EXPECT_EQ(world_.run().bad.size(), 1U) << "its time of change is another one";
}

TEST_F(MediumWriterTest, AStopLeavesNoHalfClaimAndAClosedMedium) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  world_.add_source("b", 10 * MiB);
  world_.before_commit = [&](std::string_view step) {
    if (step == "plan bundle") {
      world_.reporter.stopper.request_stop();
    }
  };
  EXPECT_EQ(error_of([&] { return world_.run(); }), ErrorCode::cancelled);
  EXPECT_EQ(tape_files("MX0001"), 4U);
  EXPECT_THAT(world_.readable_paths(), ElementsAre("a"));
  world_.before_commit = {};
  world_.reporter.stopper = {};
  (void)world_.run();
  EXPECT_THAT(world_.readable_paths(), ElementsAre("a", "b"));
}

TEST_F(MediumWriterTest, APreviewSaysWhatWritingThenDoes) {
  library_.add_medium("MX0001", 8 * MiB);
  library_.add_medium("MX0002", 8 * MiB);
  for (int i = 0; i < 9; ++i) {
    world_.add_source("f" + std::to_string(100 + i), MiB);
  }
  const WriteOutcome planned = world_.preview();
  EXPECT_EQ(library_.trace().operations().size(), 0U);
  const WriteOutcome written = world_.run();
  EXPECT_EQ(planned.files, written.files);
  EXPECT_EQ(planned.bytes, written.bytes);
  EXPECT_EQ(planned.media.size(), written.media.size());
}

// --- Closing indexes that do not fit

// A disk library, because its capacities may be changed by hand.
class ClosingIndexTest : public ::testing::Test {
 protected:
  ClosingIndexTest() {
    library_.add_medium("MX0001", 64 * MiB);
    world_.add_source("a", 1000);
    (void)world_.run();
  }

  void make_full(const std::string& label) {
    const std::string path = directory_ / label;
    tapeio::write_medium_description(path, {.capacity_bytes = tapeio::used_bytes_of_medium(path),
                                            .record_size = test::WriteWorld::kRecord});
  }

  test::TempDir directory_{test::TempDir::Place::memory};
  tapeio::DirLibrary library_{directory_.path()};
  test::WriteWorld world_{library_};
};

TEST_F(ClosingIndexTest, NewsWithoutDataGoToAMediumThatHasRoomForThemAndCostNoOtherItsIndex) {
  make_full("MX0001");
  library_.add_medium("MX0002", 64 * MiB);
  const catalog::IndexLabel before = world_.last_index("MX0001");
  world_.add_source("empty", 0);
  const WriteOutcome outcome = world_.run();
  ASSERT_THAT(outcome.media, SizeIs(1));
  EXPECT_EQ(outcome.media[0].label, "MX0002");
  EXPECT_EQ(world_.last_index("MX0001").sequence, before.sequence);
  EXPECT_GT(world_.last_index("MX0002").sequence, before.sequence);
  EXPECT_THAT(world_.reporter.problems, IsEmpty());
}

TEST_F(ClosingIndexTest, NewsThatNoMediumCanTakeAreSaid) {
  make_full("MX0001");
  world_.add_source("empty", 0);
  EXPECT_THAT(world_.run().media, IsEmpty());
  EXPECT_THAT(world_.reporter.problems, ElementsAre(HasSubstr("no medium carries this news yet")));
  EXPECT_EQ(world_.last_index("MX0001").role, catalog::IndexRole::closing);
}

TEST_F(MediumWriterTest, AnIndexThatMeetsTheHardEndMakesTheMediumFullAndTheNextOneTakesIt) {
  std::string ends_now;
  tapeio::MemoryLibraryOptions options;
  options.wrap_drive = [&](std::unique_ptr<tapeio::TapeDrive> drive, tapeio::MemoryMedium& medium) {
    tapeio::FaultPlan plan;
    if (medium.options().label == ends_now) {
      plan.hard_end_after_bytes = test::WriteWorld::kRecord;
    }
    return std::make_unique<tapeio::FaultyDrive>(std::move(drive), std::move(plan));
  };
  tapeio::MemoryLibrary library(options);
  test::WriteWorld world(library);
  library.add_medium("MX0001", 64 * MiB);
  library.add_medium("MX0002", 64 * MiB);
  world.add_source("a", 1000);
  (void)world.run();
  ends_now = "MX0001";
  world.add_source("empty", 0);
  const WriteOutcome outcome = world.run();
  ASSERT_THAT(outcome.media, SizeIs(1));
  EXPECT_EQ(outcome.media[0].label, "MX0002");
  EXPECT_EQ(world.last_index("MX0002").role, catalog::IndexRole::closing);
  catalog::Database database = world.open_catalog();
  EXPECT_EQ(catalog::Ledger(database).medium("MX0001")->state, catalog::MediumState::full);
}

// --- How the tape moved

TEST_F(MediumWriterTest, TheReportOfATapeHasWhatTheDriveCountsSinceTheJobBegan) {
  test::TempDir directory(test::TempDir::Place::memory);
  tapeio::lto::SimLibrary library(
      tapeio::lto::parse_sim_options(directory.path().string() + ",capacity=64MiB,host=none"));
  library.add_medium("MX0001L9", 64 * MiB);
  test::WriteWorld world(library);
  world.add_source("a", 3 * MiB);
  std::uint64_t repositions = 0;
  for (const char* path : {"b", "c"}) {
    world.add_source(path, 3 * MiB);
    const WriteOutcome outcome = world.run();
    ASSERT_THAT(outcome.media, SizeIs(1));
    ASSERT_TRUE(outcome.media[0].streaming);
    const std::optional<std::uint64_t> counted = outcome.media[0].streaming->repositions;
    ASSERT_TRUE(counted);
    EXPECT_GE(*counted, 3U) << "each filemark stops the tape";
    repositions += *counted;
  }
  EXPECT_EQ(repositions, library.report().repositions);
}

TEST_F(MediumWriterTest, TheReportHasTheUnderrunsThatTheDriveCountsToo) {
  test::TempDir directory(test::TempDir::Place::memory);
  // Each second of this program is days of the tape's: its buffer runs empty between two records.
  tapeio::lto::SimLibrary library(
      tapeio::lto::parse_sim_options(directory.path().string() + ",capacity=64MiB"));
  library.add_medium("MX0001L9", 64 * MiB);
  test::WriteWorld world(library);
  world.add_source("a", 3 * MiB);
  const WriteOutcome outcome = world.run();
  const std::uint64_t drives = library.report().underruns;
  ASSERT_GT(drives, 0U);
  EXPECT_GE(outcome.media.at(0).streaming.value().underruns, drives);
}

TEST_F(MediumWriterTest, ADriveThatCountsNothingIsSaidToAndADiskHasNoSuchReport) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  const std::optional<Streaming> tape = world_.run().media.at(0).streaming;
  ASSERT_TRUE(tape);
  EXPECT_EQ(tape->repositions, std::nullopt);

  test::TempDir directory(test::TempDir::Place::memory);
  tapeio::DirLibrary disks(directory.path());
  disks.add_medium("MX0001", 64 * MiB);
  test::WriteWorld world(disks);
  world.add_source("a", 1000);
  EXPECT_FALSE(world.run().media.at(0).streaming);
}

// --- Items

// The content that was there first keeps its number, and the other item must hear of it.
TEST_F(MediumWriterTest, ContentsThatTurnOutEqualWhileTheyAreWrittenGoToTheSecondMediumToo) {
  world_.add_source("a", 1000);
  EXPECT_THAT(world_.run().no_room, ElementsAre("a"));
  world_.hash_first = true;
  world_.add_same_source("b", "a");
  world_.copies = 2;
  library_.add_medium("MX0001", 64 * MiB);
  library_.add_medium("MX0002", 64 * MiB);
  EXPECT_THAT(world_.run().no_room, IsEmpty());
  EXPECT_EQ(tape_files("MX0002"), 4U);
  EXPECT_THAT(world_.readable_paths(), ElementsAre("a", "b"));
}

TEST_F(MediumWriterTest, ProgressHasTheWholeJobForItsGoal) {
  for (const char* label : {"MX0001", "MX0002", "MX0003"}) {
    library_.add_medium(label, 9 * MiB);
  }
  for (int i = 0; i < 16; ++i) {
    world_.add_source("f" + std::to_string(100 + i), MiB);
  }
  ASSERT_EQ(world_.run().files, 16U);
  std::uint64_t before = 0;
  for (const Progress& told : world_.reporter.told) {
    EXPECT_EQ(told.total_bytes, 16 * MiB);
    EXPECT_EQ(told.total_files, 16U);
    EXPECT_GE(told.done_bytes, before);
    before = told.done_bytes;
  }
  EXPECT_EQ(before, 16 * MiB);
  EXPECT_EQ(world_.reporter.told.back().done_files, 16U);
}

TEST_F(MediumWriterTest, WithoutAnIdentityTheShapeIsCheckedAndSaid) {
  library_.add_medium("MX0001", 64 * MiB);
  world_.add_source("a", 1000);
  (void)world_.run();
  std::vector<format::Identity> away = std::move(world_.identities);
  world_.identities.clear();
  world_.add_source("b", 1000);
  (void)world_.run();
  EXPECT_THAT(world_.reporter.notes, Contains(HasSubstr("no identity")));
  world_.identities = std::move(away);
  EXPECT_THAT(world_.readable_paths(), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace mixtape::archive
