// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

// Says when it is time again for something that must not be done too often, such as a progress
// report.
//
// Threads: none.

namespace mixtape::archive {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Pace(Clock::duration interval) : interval_(interval), next_(Clock::now() + interval) {}

  // True at most once per interval.
  [[nodiscard]] bool due() {
    const Clock::time_point now = Clock::now();
    if (now < next_) {
      return false;
    }
    next_ = now + interval_;
    return true;
  }

 private:
  Clock::duration interval_;
  Clock::time_point next_;
};

// What a person still takes for continuous.
inline constexpr std::chrono::milliseconds kProgressInterval{100};

}  // namespace mixtape::archive
