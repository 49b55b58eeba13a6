// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

// When the search must be over.
//
// Threads: values.
// Cost:    a question is some 30 ns; ask once for many small steps.

namespace mixtape::order {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Deadline(double seconds)
      : end_(Clock::now() +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}
  [[nodiscard]] bool passed() const { return Clock::now() >= end_; }
  // What is left; negative afterwards.
  [[nodiscard]] double left() const {
    return std::chrono::duration<double>(end_ - Clock::now()).count();
  }

 private:
  Clock::time_point end_;
};

}  // namespace mixtape::order
