// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include "tests/recall/sim_recall_fixture.h"

// The only drive, which recall and jobs both want.

namespace mixtape::recall {
namespace {

using namespace std::chrono_literals;
using tapeio::DriveTurns;

class RecallTurnsTest : public SimRecallTest {
 protected:
  // One cartridge with so many files, and an empty one for a job.
  std::vector<Content> write_one_of_two(std::size_t files) {
    std::vector<Content> contents = write("MX0001L8", files);
    library_->add_medium("MX0002L8", kCapacity);
    open_library();
    return contents;
  }
  // As a backup does it: waits until it has the drive.
  std::unique_ptr<tapeio::TapeDrive> load_for_job(const std::string& label) {
    return tapeio::load_when_ready({library_.get(), label}, tapeio::Library::Access::write, {},
                                   tapeio::ForPeople::fail);
  }
  bool somebody_waits(DriveTurns::Who who) { return library_->turns().waited(who).has_value(); }
  void wait_until_somebody_waits(DriveTurns::Who who) {
    while (!somebody_waits(who)) {
      std::this_thread::sleep_for(1ms);
    }
  }
  // Somebody reads the tape, one file after the other, and when he is through begins again: there
  // is always a read that waits, until `stop`.
  void read_without_end(const std::vector<Content>& contents, const std::stop_token& stop) {
    for (std::size_t file = 0; !stop.stop_requested(); ++file) {
      const Content& content = contents[file % contents.size()];
      recall();
      cache_->drop(content);
      EXPECT_TRUE(start_read(content).get());
    }
  }
};

TEST_F(RecallTurnsTest, AJobGetsTheDriveWhenItHasWaitedLongEnoughHoweverMuchIsReadThen) {
  const std::vector<Content> a = write_one_of_two(20);
  options_.hand_over_after = 0s;
  ASSERT_TRUE(start_read(a[0]).get());
  std::jthread reader([&](const std::stop_token& stop) { read_without_end(a, stop); });
  std::unique_ptr<tapeio::TapeDrive> drive = load_for_job("MX0002L8");
  EXPECT_NE(drive, nullptr);
  // Who reads waits now, and goes on when the job is through.
  wait_until_somebody_waits(DriveTurns::Who::reader);
  reader.request_stop();
  drive.reset();
  reader.join();
  EXPECT_FALSE(somebody_waits(DriveTurns::Who::reader));
}

TEST_F(RecallTurnsTest, BeforeThatItWaits) {
  const std::vector<Content> a = write_one_of_two(20);
  options_.hand_over_after = 1h;
  ASSERT_TRUE(start_read(a[0]).get());
  std::jthread reader([&](const std::stop_token& stop) { read_without_end(a, stop); });
  std::promise<void> loaded;
  std::jthread job([&] {
    (void)load_for_job("MX0002L8");
    loaded.set_value();
  });
  wait_until_somebody_waits(DriveTurns::Who::job);
  // It looks each second.
  EXPECT_EQ(loaded.get_future().wait_for(1500ms), std::future_status::timeout);
  reader.request_stop();
  reader.join();
  recall_.reset();
}

TEST_F(RecallTurnsTest, AFileThatTakesLongGivesTheDriveBackInBetweenAndComesWholeAfterwards) {
  library_->add_medium("MX0001L8", kCapacity);
  const Bytes bytes = test::pattern(20 * kFile, 1);
  const std::vector<ArchivedFile> files{{bytes, {}}};
  const Content content =
      know(bytes, write_archive(*library_, identity_, "MX0001L8", ++bundles_, files));
  library_->add_medium("MX0002L8", kCapacity);
  open_library();
  options_.hand_over_after = 0s;
  // From the first byte that came on there is a job that waits.
  std::optional<DriveTurns::Waiting> waits;
  std::promise<void> begun;
  std::promise<bool> whole;
  (void)recall().read(content, 0, 1, "a file", [&](ByteView, const auto&) {
    waits.emplace(library_->turns().wait(DriveTurns::Who::job));
    begun.set_value();
  });
  (void)recall().read(content, 0, content.size, "a file", [&](ByteView got, const auto& error) {
    whole.set_value(!error && std::equal(got.begin(), got.end(), bytes.begin(), bytes.end()));
  });
  std::future<bool> done = whole.get_future();
  begun.get_future().wait();
  std::unique_ptr<tapeio::TapeDrive> drive;
  while (!drive) {
    try {
      drive = library_->load("MX0002L8", tapeio::Library::Access::write);
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::busy);
      std::this_thread::sleep_for(1ms);
    }
  }
  EXPECT_EQ(done.wait_for(0s), std::future_status::timeout);
  EXPECT_GT(recall().queue().at(0).done_bytes, 0u);
  drive.reset();
  waits.reset();
  EXPECT_TRUE(done.get());
}

TEST_F(RecallTurnsTest, ADriveThatNobodyReadsFromAnyMoreGoesToAJobHoweverMuchAMountIsWorth) {
  const std::vector<Content> a = write_one_of_two(1);
  options_.hold = 0s;
  options_.mount_worth = 1h;
  options_.hand_over_after = 1h;
  ASSERT_TRUE(start_read(a[0]).get());
  EXPECT_NE(load_for_job("MX0002L8"), nullptr);
}

TEST_F(RecallTurnsTest, OneThatNobodyWantsIsLeftWithItsTapeRewound) {
  const std::vector<Content> a = write("MX0001L8", 20);
  open_library();
  options_.hold = 0s;
  options_.mount_worth = 0ms;
  ASSERT_TRUE(start_read(a[19]).get());
  while (library_->mover()->drives().at(0).in_use) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_GT(library_->report().seconds_of(tapeio::lto::SimKind::rewind), 1);
}

TEST_F(RecallTurnsTest, WhoOnlyQueuedSomethingDoesNotHurryAJob) {
  const std::vector<Content> a = write_one_of_two(2);
  std::unique_ptr<tapeio::TapeDrive> drive = load_for_job("MX0002L8");
  std::vector<std::future<bool>> queued = queue({a[0]});
  EXPECT_EQ(queued[0].wait_for(100ms), std::future_status::timeout);
  EXPECT_FALSE(somebody_waits(DriveTurns::Who::reader));
  std::future<bool> read = start_read(a[1]);
  wait_until_somebody_waits(DriveTurns::Who::reader);
  drive.reset();
  EXPECT_TRUE(read.get());
  expect_right(std::move(queued));
}

}  // namespace
}  // namespace mixtape::recall
