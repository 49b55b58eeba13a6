// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "engine/archive/medium_use.h"
#include "tapeio/error.h"
#include "tapeio/memory_library.h"
#include "tests/archive/write_world.h"

// A job that has the only drive, and somebody who waits for a file.

namespace mixtape::archive {
namespace {

using namespace std::chrono_literals;
using tapeio::DriveTurns;
using testing::HasSubstr;
using testing::SizeIs;

class LendTest : public testing::Test {
 protected:
  static constexpr std::size_t kFiles = 6;

  LendTest() {
    library.add_medium("MX0001", GiB);
    world.bundle_bytes = 256 * KiB;
    world.indexes_per_bundle = 0;
    for (std::size_t file = 0; file < kFiles; ++file) {
      world.add_source("file" + std::to_string(file), 200'000);
    }
  }

  // As recall does it, from when the job has the drive: waits, reads for a while, gives it back.
  void read_meanwhile() {
    const DriveTurns::Waiting waits = library.turns().wait(DriveTurns::Who::reader);
    while (true) {
      try {
        const auto drive = library.load("MX0001", tapeio::Library::Access::read);
        catalog::Database database = world.open_catalog();
        catalog::Ledger ledger(database);
        const auto medium = ledger.medium("MX0001");
        bundles_seen = ledger.bundles(medium->id).size();
        was_closed = !ledger.has_open_end(medium->id);
        return;
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ErrorCode::busy);
        std::this_thread::sleep_for(1ms);
      }
    }
  }

  tapeio::MemoryLibrary library;
  test::WriteWorld world{library};
  std::size_t bundles_seen = 0;
  bool was_closed = false;
};

TEST_F(LendTest, WhoWaitsForBytesWaitsForOneBundleAndTheJobGoesOnAfterwards) {
  std::jthread reader;
  world.before_commit = [&](std::string_view) {
    if (!reader.joinable()) {
      reader = std::jthread([this] { read_meanwhile(); });
      while (!library.turns().waited(DriveTurns::Who::reader)) {
        std::this_thread::sleep_for(1ms);
      }
    }
  };
  const WriteOutcome outcome = world.run();
  reader.join();
  EXPECT_EQ(bundles_seen, 1u);
  EXPECT_TRUE(was_closed);
  ASSERT_THAT(outcome.media, SizeIs(1));
  EXPECT_EQ(outcome.media[0].bundles, kFiles);
  EXPECT_TRUE(outcome.media[0].labelled_now);
  EXPECT_EQ(outcome.files, kFiles);
  EXPECT_THAT(world.readable_paths(), SizeIs(kFiles));
  EXPECT_EQ(world.last_index("MX0001").role, catalog::IndexRole::closing);
  ASSERT_FALSE(world.reporter.notes.empty());
  EXPECT_THAT(world.reporter.notes[0], HasSubstr("somebody waits for files"));
}

TEST_F(LendTest, WhereNobodyWaitsAMediumIsClosedOnce) {
  const WriteOutcome outcome = world.run();
  ASSERT_THAT(outcome.media, SizeIs(1));
  EXPECT_EQ(outcome.media[0].bundles, kFiles);
  EXPECT_TRUE(world.reporter.notes.empty());
}

TEST_F(LendTest, AWaiterWhoNeverTakesTheDriveStopsNoJob) {
  const DriveTurns::Waiting waits = library.turns().wait(DriveTurns::Who::reader);
  world.bundle_bytes = MiB;
  EXPECT_EQ(world.run().files, kFiles);
}

}  // namespace
}  // namespace mixtape::archive
