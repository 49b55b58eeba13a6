// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/catalog/catalog.h"
#include "engine/service/last_index.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/memory_library.h"
#include "tests/archive/write_world.h"
#include "tests/support/counted_cases.h"

// A program that is killed while it writes to a tape leaves an archive that ends anywhere, and
// Linux' st ends it with a filemark when it closes the device. Recovery lists no copy of it.

namespace mixtape::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

// A library whose drive dies before the k-th operation; its driver writes the filemark.
class KilledWorld {
 public:
  explicit KilledWorld(std::optional<std::uint64_t> dies_at = std::nullopt) {
    library_.add_medium("MX0001", 16 * MiB);
    world_.add_source("old", 70'000);
    (void)world_.run();
    world_.add_source("new", 500'000);
    dies_at_ = dies_at;
    try {
      (void)world_.run();
    } catch (const tapeio::PowerCut&) {
      died_ = true;
    }
    dies_at_.reset();
  }

  [[nodiscard]] bool died() const { return died_; }

  // What `recover` makes of the medium: paths of good copies, each of them read.
  std::vector<std::string> recovered() {
    const test::TempDir fresh(test::TempDir::Place::memory);
    {
      const auto drive = library_.load("MX0001", tapeio::Library::Access::read);
      const auto label = read_label(*drive);
      const auto index =
          read_last_index(*drive, label.value(), world_.identities, fresh / "index.sqlite");
      (void)catalog::recover_catalog({index.value()}, fresh / "catalog.db");
    }
    catalog::Database database =
        catalog::open_catalog(fresh / "catalog.db", fresh / "state.db", catalog::Access::write);
    std::map<std::string, std::string> contents;
    for (const char* path : {"old", "new"}) {
      contents[path] = world_.content(path);
    }
    return test::readable_paths(database, library_, world_.identities.front(), contents);
  }

  tapeio::MemoryMedium& medium() { return library_.medium("MX0001"); }
  // What the newest index says of the archive behind it.
  catalog::FoundIndex newest_index() {
    const test::TempDir fresh(test::TempDir::Place::memory);
    const auto drive = library_.load("MX0001", tapeio::Library::Access::read);
    const auto label = read_label(*drive);
    return read_last_index(*drive, label.value(), world_.identities, fresh / "index").value();
  }
  std::set<std::uint64_t> bad_records, flipped_records;

 private:
  std::unique_ptr<tapeio::TapeDrive> mortal(std::unique_ptr<tapeio::TapeDrive> drive,
                                            tapeio::MemoryMedium& medium) {
    tapeio::FaultPlan plan;
    plan.cut_power_before_operation = dies_at_;
    plan.bad_records = bad_records;
    plan.flipped_records = flipped_records;
    plan.on_power_cut = [&medium] {
      tapeio::MemoryDrive driver(medium);
      driver.seek_end_of_data();
      (void)driver.write_filemark();
    };
    return std::make_unique<tapeio::FaultyDrive>(std::move(drive), std::move(plan));
  }

  std::optional<std::uint64_t> dies_at_;
  bool died_ = false;
  tapeio::MemoryLibrary library_{{.wrap_drive = [this](auto drive, auto& medium) {
    return mortal(std::move(drive), medium);
  }}};
  test::WriteWorld world_{library_};
};

TEST(UnfinishedArchiveTest, KilledAnywhereRecoveryListsOnlyWhatIsWhole) {
  test::CountedCases cases("killed before every drive operation, then recovered");
  bool died = true;
  std::uint64_t k = 0;
  for (; died; ++k) {
    SCOPED_TRACE("before drive operation " + std::to_string(k));
    cases.run([&] {
      KilledWorld killed(k);
      died = killed.died();
      EXPECT_THAT(killed.recovered(), IsSupersetOf({"old"}));
    });
  }
  EXPECT_GT(k, 20U);
}

TEST(UnfinishedArchiveTest, AnArchiveThatWasFinishedIsListedWithoutItsClosingIndex) {
  KilledWorld whole;
  tapeio::MemoryMedium& medium = whole.medium();
  // The closing index and its filemark go.
  std::uint64_t objects = medium.object_count() - 1;
  tapeio::MemoryDrive drive(medium);
  Bytes record(tapeio::kMaxRecordSize);
  do {
    drive.locate(--objects);
  } while (drive.read_record(record).kind == tapeio::ReadResult::Kind::record);
  medium.truncate(objects + 1);
  EXPECT_THAT(whole.recovered(), ElementsAre("new", "old"));
}

TEST(UnfinishedArchiveTest, AnArchiveWhoseFirstRecordIsLostIsListedAsItsIndexHasIt) {
  KilledWorld whole;
  tapeio::MemoryMedium& medium = whole.medium();
  // Without its closing index.
  std::uint64_t end = medium.object_count() - 1;
  tapeio::MemoryDrive drive(medium);
  Bytes record(tapeio::kMaxRecordSize);
  const auto back_to_filemark = [&](std::uint64_t& block) {
    do {
      drive.locate(--block);
    } while (drive.read_record(record).kind == tapeio::ReadResult::Kind::record);
  };
  back_to_filemark(end);
  medium.truncate(end + 1);
  std::uint64_t first = end;
  back_to_filemark(first);
  ++first;
  const catalog::FoundIndex sound = whole.newest_index();
  ASSERT_TRUE(sound.bundle_exists);
  ASSERT_EQ(sound.archive_block, first);

  const auto expect_the_same = [&] {
    const catalog::FoundIndex found = whole.newest_index();
    EXPECT_EQ(found.label.tape_file, sound.label.tape_file);
    EXPECT_TRUE(found.bundle_exists);
    EXPECT_EQ(found.archive_plain_bytes, sound.archive_plain_bytes);
  };
  whole.bad_records = {first};
  expect_the_same();
  whole.bad_records.clear();
  whole.flipped_records = {first};
  expect_the_same();
}

}  // namespace
}  // namespace mixtape::service
