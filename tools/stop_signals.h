// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <stop_token>
#include <thread>

// Ctrl-C and `kill` as a stop token: the running command finishes its piece of work, leaves nothing
// half-done and says so. A second Ctrl-C ends the process at once, as a crash would: safe, but
// without a word.
//
// Construct it before any other thread starts: it blocks the signals for all of them, and they stay
// blocked behind it. Whoever takes them otherwise from then on lets them through: what came
// meanwhile comes then.

namespace mixtape::tools {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  [[nodiscard]] std::stop_token stop() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread waiter_;
};

// For the thread that calls it and those that it starts from now on.
void let_stop_signals_through();
void hold_stop_signals_back();

}  // namespace mixtape::tools
