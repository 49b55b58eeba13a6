// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/catalog/catalog.h"
#include "engine/service/last_index.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/memory_library.h"
#include "tests/archive/write_world.h"

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

 private:
  std::unique_ptr<tapeio::TapeDrive> mortal(std::unique_ptr<tapeio::TapeDrive> drive,
                                            tapeio::MemoryMedium& medium) {
    tapeio::FaultPlan plan;
    plan.cut_power_before_operation = dies_at_;
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
  bool died = true;
  std::uint64_t k = 0;
  for (; died; ++k) {
    SCOPED_TRACE("before drive operation " + std::to_string(k));
    KilledWorld killed(k);
    died = killed.died();
    EXPECT_THAT(killed.recovered(), IsSupersetOf({"old"}));
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

}  // namespace
}  // namespace mixtape::service
