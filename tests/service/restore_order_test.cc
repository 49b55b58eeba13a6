// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_order.h"

#include <algorithm>
#include <future>
#include <memory>
#include <numeric>
#include <random>

#include "engine/recall/archive_reader.h"
#include "engine/service/locate_times.h"
#include "engine/service/restore.h"
#include "tapeio/lto/sim_library.h"
#include "tests/service/service_fixture.h"
#include "tests/support/patterns.h"

// A restore from a simulated LTO-5 cartridge, on its virtual clock. The cartridge is small: each of
// its 80 wraps has eight records.

namespace mixtape::service {
namespace {

constexpr std::uint64_t kRecord = 64 * KiB;
constexpr std::uint64_t kCapacity = 80 * 8 * kRecord;

class RestoreOrderTest : public ServiceTest {
 protected:
  RestoreOrderTest() : ServiceTest(test::TempDir::Place::memory) {
    std::filesystem::remove_all(home() / "library");
    std::filesystem::create_directory(home() / "library");
    configure("libraries = [\"sim:" + (home() / "library").string() +
              ",generation=5,vary=no,host=none,capacity=" + std::to_string(kCapacity) +
              "\"]\nrecord_size = \"64 KiB\"\n");
    library().add_medium("MX0001L5", kCapacity);
    for (int file = 0; file < 300; ++file) {
      write("f" + std::to_string(file),
            as_text(test::pattern(60 * KiB, static_cast<std::uint64_t>(file))));
    }
    back_up();
    reopen();
  }

  tapeio::lto::SimLibrary& library() {
    return dynamic_cast<tapeio::lto::SimLibrary&>(*context().workspace.libraries().here().front());
  }
  double locate_s() { return library().report().seconds_of(tapeio::lto::SimKind::locate); }

  // Some of the files, the same each time.
  RestoreResult restore_some(bool dry_run) {
    std::vector<int> files(300);
    std::iota(files.begin(), files.end(), 0);
    std::shuffle(files.begin(), files.end(), std::mt19937_64(1));
    RestoreRequest request;
    request.to = directory_ / "out";
    request.dry_run = dry_run;
    for (int i = 0; i < 30; ++i) {
      request.paths.push_back(source("f" + std::to_string(files[static_cast<std::size_t>(i)])));
    }
    return restore(context(), request, reporter_);
  }
  // What reading them by block takes.
  double by_block_s(std::vector<std::string> paths) {
    std::vector<recall::Extent> copies;
    for (const std::string& path : paths) {
      const auto place = context().ledger.places(latest(path).value().content.value()).front();
      copies.push_back(to_extent(place));
    }
    std::sort(copies.begin(), copies.end(),
              [](const auto& a, const auto& b) { return recall::spot_of(a) < recall::spot_of(b); });
    const double before = locate_s();
    recall::ArchiveReader reader(library().load("MX0001L5", tapeio::Library::Access::read),
                                 context().workspace.identities());
    for (const recall::Extent& copy : copies) {
      reader.read(copy.archive, {.offset = copy.data_offset, .size = copy.stored_size},
                  [](ByteView) { return true; });
    }
    return locate_s() - before;
  }
};

TEST_F(RestoreOrderTest, ATapeIsReadInLessTimeThanInTheOrderOfBlocks) {
  const RestoreResult result = restore_some(false);
  EXPECT_EQ(result.files, 30u);
  EXPECT_EQ(result.trouble_count, 0u);
  const double ordered_s = locate_s();
  const RestoreResult told = [&] {
    std::filesystem::remove_all(directory_ / "out");
    return restore_some(true);
  }();
  reopen();
  ASSERT_EQ(told.media.size(), 1u);
  EXPECT_LT(ordered_s, 0.6 * by_block_s(told.media[0].order));
}

TEST_F(RestoreOrderTest, ADryRunTellsTapesOrderAndTimesAndMovesNothing) {
  const RestoreResult dry = restore_some(true);
  EXPECT_EQ(library().report().count_of(tapeio::lto::SimKind::load), 0u);
  ASSERT_EQ(dry.media.size(), 1u);
  EXPECT_EQ(dry.media[0].order.size(), 30u);
  ASSERT_TRUE(dry.media[0].times.has_value());
  EXPECT_EQ(dry.media[0].times->tape, "LTO-5");
  EXPECT_GT(dry.media[0].times->least_locate_s, 0);
  EXPECT_LE(dry.media[0].times->least_locate_s, dry.media[0].times->locate_s);

  restore_some(false);
  // Told of full wraps, without the drive; done with what the drive knows.
  EXPECT_NEAR(dry.media[0].times->locate_s, locate_s(), 0.25 * locate_s());
}

TEST_F(RestoreOrderTest, ARecallLeavesHowLongLocatesTookForTheNextProcess) {
  EXPECT_TRUE(drive_times(context()).empty());
  {
    RecallService recalls(context().workspace, [](const std::string&) {});
    std::vector<std::future<void>> fetched;
    for (int file = 0; file < 300; file += 20) {
      auto done = std::make_shared<std::promise<void>>();
      fetched.push_back(done->get_future());
      const auto version = latest(path_of("f" + std::to_string(file))).value();
      (void)recalls.recall().fetch(to_content(version), "a file",
                                   [done](ByteView, const auto&) { done->set_value(); });
    }
    for (const auto& each : fetched) {
      each.wait();
    }
  }
  reopen();
  const std::vector<DriveTimes> times = drive_times(context());
  ASSERT_EQ(times.size(), 1u);
  EXPECT_EQ(times[0].drive, (catalog::DriveOnTapes{"drive 1", 5}));
  std::size_t locates = 0;
  for (const order::LineFit& line : times[0].fit) {
    locates += line.samples;
    EXPECT_LE(line.error_s, line.error_before_s + 1);
  }
  EXPECT_GT(locates, 5u);
  EXPECT_EQ(known_locates(context(), {.name = "drive 1", .generation = 5}).size(), locates);
}

TEST_F(RestoreOrderTest, SoDoesARestore) {
  EXPECT_TRUE(drive_times(context()).empty());
  restore_some(false);
  reopen();
  const std::vector<DriveTimes> times = drive_times(context());
  ASSERT_EQ(times.size(), 1u);
  EXPECT_EQ(times[0].drive, (catalog::DriveOnTapes{"drive 1", 5}));
  EXPECT_GT(known_locates(context(), {.name = "drive 1", .generation = 5}).size(), 5u);
}

}  // namespace
}  // namespace mixtape::service
