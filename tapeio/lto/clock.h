// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include "tapeio/drive_features.h"

// Two kinds of time: what the modelled drive needs, and what the program on the host really takes
// between two calls of it.
//
// Units: seconds.

namespace mixtape::tapeio::lto {

// Threads: advanced by one, asked by any.
class SimClock final : public ModelledTime {
 public:
  // `speed`: 0 is a virtual clock, on which nobody waits; else modelled seconds per real one, and
  // the program waits for the drive as it would for a real one (1), or shorter (> 1).
  explicit SimClock(double speed = 0) : speed_(speed) {}
  // `sleep` instead of sleeping, for tests.
  SimClock(double speed, std::function<void(double real_s)> sleep)
      : speed_(speed), sleep_(std::move(sleep)) {}

  // So much passed while the host worked: nobody waits for it.
  void pass(double modelled_s);
  // The host waits for the drive: sleeps where the clock is not virtual.
  void wait(double modelled_s);

  [[nodiscard]] std::chrono::nanoseconds elapsed() const override {
    return std::chrono::nanoseconds(elapsed_ns_.load());
  }
  [[nodiscard]] double speed() const { return speed_; }

 private:
  const double speed_;
  const std::function<void(double)> sleep_;
  std::atomic<std::int64_t> elapsed_ns_ = 0;
};

// Where the host's own time comes from.
class HostTime {
 public:
  virtual ~HostTime() = default;
  // Since any moment; never goes back.
  [[nodiscard]] virtual double seconds() = 0;
};

// The machine's: a slow program lets the modelled drive run dry as it would a real one.
class RealHostTime final : public HostTime {
 public:
  [[nodiscard]] double seconds() override;
};

// Stands still unless a test moves it: results are the same in every run.
class ManualHostTime final : public HostTime {
 public:
  [[nodiscard]] double seconds() override { return now_; }
  void advance(double seconds) { now_ += seconds; }

 private:
  double now_ = 0;
};

}  // namespace mixtape::tapeio::lto
