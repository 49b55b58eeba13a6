// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <memory>

#include "engine/archive/record_ring.h"
#include "engine/archive/streaming.h"
#include "tapeio/lto/sim_drive.h"
#include "tapeio/memory_drive.h"

// The ring before a simulated LTO-9 drive and what feeds it, with a source that comes in bursts:
// does the tape keep streaming? All times are modelled, on a virtual clock: the result is the same
// in every run.

namespace mixtape::tapeio::lto {
namespace {

constexpr std::size_t kRecord = MiB;
constexpr std::size_t kRingRecords = 128;  // As a job has them by default.
constexpr double kCopySeconds = 0.0002;    // The host's own work for one record.
constexpr double kPollSeconds = 0.001;

// Delivers at `rate` for `on_s`, then nothing for `off_s`, as far as the ring has room.
struct BurstySource {
  double rate, on_s, off_s;
  [[nodiscard]] bool is_on(double time) const { return std::fmod(time, on_s + off_s) < on_s; }
};

class LtoStreaming : public testing::Test {
 protected:
  struct Outcome {
    std::uint64_t ring_was_empty = 0;       // How often the feed had nothing to write.
    std::uint64_t underruns_with_data = 0;  // While the ring held records all the time.
    SimReport report;
  };

  Outcome write(const BurstySource& source, std::uint64_t records) {
    Outcome outcome;
    archive::DriveFeed feed(/*streaming=*/true, kRingRecords);
    world_ = now();
    for (std::uint64_t written = 0; written < records; ++written) {
      produce(source, records);
      const std::size_t wanted = feed.wanted(ring_.ready(), records - written);
      const bool had_data = ring_.ready() >= wanted;
      while (ring_.ready() < wanted) {
        host_time_.advance(kPollSeconds);
        world_ += kPollSeconds;
        produce(source, records);
      }
      const std::uint64_t before = model_.underruns();
      EXPECT_TRUE(drive_.write_record(ring_.front()).written);
      ring_.drop_front();
      outcome.underruns_with_data += had_data ? model_.underruns() - before : 0;
      host_time_.advance(kCopySeconds);
      world_ = now() + kCopySeconds;
    }
    outcome.ring_was_empty = feed.underruns();
    EXPECT_TRUE(drive_.write_filemark().written);
    outcome.report = model_.report();
    return outcome;
  }

 private:
  [[nodiscard]] double now() {
    return std::chrono::duration<double>(model_.clock().elapsed()).count();
  }
  // Fills the ring with what the source delivered since the last time.
  void produce(const BurstySource& source, std::uint64_t records) {
    constexpr double kTick = 0.0005;
    for (; produced_until_ < world_; produced_until_ += kTick) {
      credit_ += source.is_on(produced_until_) ? source.rate * kTick : 0;
      while (credit_ >= kRecord && produced_ < records &&
             ring_.has_room((produced_ + 1) * kRecord)) {
        archive::RecordWindow window;
        ring_.open(produced_ * kRecord, (produced_ + 1) * kRecord, window);
        ring_.filled(produced_ * kRecord, (produced_ + 1) * kRecord);
        ++produced_;
        credit_ -= kRecord;
      }
      // What a full ring holds up is not delivered later.
      credit_ = std::min<double>(credit_, kRecord);
    }
  }

  MemoryMedium medium_{{.keep_bytes = false}};
  Cartridge cartridge_{"MX0001L9", {}, CartridgeGeometry(figures_of(9), 18e12)};
  ManualHostTime host_time_;
  DriveModel model_{{.generation = 9, .scale = 1, .host_time = &host_time_}};
  SimDrive drive_{[this] {
                    model_.load(cartridge_);
                    return std::make_unique<MemoryDrive>(medium_);
                  }(),
                  model_};
  archive::RecordRing ring_{kRecord, kRingRecords};
  double world_ = 0;
  double produced_until_ = 17;  // When the cartridge is loaded.
  double credit_ = 0;
  std::uint64_t produced_ = 0;
};

TEST_F(LtoStreaming, BurstsAboveTheLowestSpeedOnAverageNeverStopTheTape) {
  // 300 MB/s on average in bursts of a fifth of a second.
  const Outcome outcome = write({600e6, 0.2, 0.2}, 6000);
  EXPECT_EQ(outcome.report.underruns, 0u);
  EXPECT_EQ(outcome.report.repositions, 1u);  // The filemark at the end.
  EXPECT_GE(outcome.report.seconds_of(SimKind::transfer), 6000.0 * kRecord / 400e6);
}

TEST_F(LtoStreaming, RareBurstsJustAboveTheLowestSpeedOnAverageNeverStopTheTape) {
  // 195 MB/s on average, three quarters of the time nothing.
  const Outcome outcome = write({780e6, 0.25, 0.75}, 4000);
  EXPECT_EQ(outcome.report.underruns, 0u);
}

TEST_F(LtoStreaming, SteadySourceJustAboveTheLowestSpeedNeverStopsTheTape) {
  const Outcome outcome = write({190e6, 1, 0}, 4000);
  EXPECT_EQ(outcome.report.underruns, 0u);
}

TEST_F(LtoStreaming, SlowSourceUnderrunsOnlyWhenTheRingIsEmptyAndTheReportSaysSo) {
  const Outcome outcome = write({100e6, 1, 0}, 6000);
  EXPECT_GT(outcome.report.underruns, 3u);
  EXPECT_GE(outcome.report.repositions, outcome.report.underruns);
  EXPECT_GT(outcome.ring_was_empty, 0u);
  EXPECT_EQ(outcome.underruns_with_data, 0u);
  EXPECT_NE(to_string(outcome.report).find(" underruns"), std::string::npos);
  EXPECT_GT(outcome.report.seconds_of(SimKind::reposition), 0);
}

// 120 MB/s on average, below the lowest speed that the drive matches, three quarters of the time
// nothing: stops cannot be avoided, but none comes while there was something to write, and each is
// as long as the ring is deep.
TEST_F(LtoStreaming, SlowBurstsNeverStopTheTapeWhileTheRingHoldsData) {
  const Outcome outcome = write({480e6, 0.25, 0.75}, 6000);
  EXPECT_GT(outcome.report.underruns, 0u);
  EXPECT_EQ(outcome.underruns_with_data, 0u);
  EXPECT_GE(outcome.ring_was_empty, outcome.report.underruns);
  EXPECT_LE(outcome.ring_was_empty, 6000 / (kRingRecords / 4 * 3));
}

TEST_F(LtoStreaming, LongPauseIsOneUnderrun) {
  // 16 s at 350 MB/s, then 20 s of nothing: no ring of this machine bridges that.
  const Outcome outcome = write({350e6, 20, 20}, 9000);
  EXPECT_EQ(outcome.report.underruns, 1u);
  EXPECT_EQ(outcome.underruns_with_data, 0u);
}

}  // namespace
}  // namespace mixtape::tapeio::lto
