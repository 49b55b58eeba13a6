// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <stop_token>
#include <thread>

// Ctrl-C and `kill` as a stop token: the running command finishes its piece of work, leaves nothing
// half-done and says so. A second Ctrl-C ends the process at once, as a crash would: safe, but
// without a word.
//
// Construct it before any other thread starts: it blocks the signals for all of them.

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

}  // namespace mixtape::tools
