// SPDX-License-Identifier: Apache-2.0
#include "tools/stop_signals.h"

#include <pthread.h>
#include <unistd.h>

namespace mixtape::tools {
namespace {

// SIGUSR1 only ends the waiter.
sigset_t awaited() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  // A reader that went away is an error of write(), not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  hold_stop_signals_back();
  waiter_ = std::jthread([this, set = awaited()](const std::stop_token& finished) {
    int signal = 0;
    while (::sigwait(&set, &signal) == 0 && !finished.stop_requested()) {
      if (signal == SIGUSR1) {
        continue;
      }
      if (source_.stop_requested()) {
        ::_exit(128 + signal);
      }
      source_.request_stop();
    }
  });
}

StopSignals::~StopSignals() {
  waiter_.request_stop();
  ::pthread_kill(waiter_.native_handle(), SIGUSR1);
}

void let_stop_signals_through() {
  const sigset_t set = awaited();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void hold_stop_signals_back() {
  const sigset_t set = awaited();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace mixtape::tools
