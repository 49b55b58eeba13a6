// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "fusefs/reply.h"

// Changes of staged files that first need a copy of the file: a big one takes long, so the request
// waits here, not in a thread that serves.
//
// Threads:  internally synchronised; no lock is held while work runs or libfuse is called.
// Limits:   kMaxCopies run at a time, few enough to leave the disk to those who read; as many wait
//           as the kernel lets through, one for each thread of each changing process.
// Lifetime: the session must outlive every waiting request: call close() before it is destroyed.

namespace mixtape::fusefs {

class StagingChanges {
 public:
  static constexpr unsigned kMaxCopies = 4;

  StagingChanges();

  // `work` answers the request, now or later. A request that waits still is answered with EINTR
  // when its process gets a signal: the session's user data must lead interrupts back here.
  void run(fuse_req_t request, fuse_interrupt_func_t on_interrupt, std::function<void()> work);
  void interrupted(void* token);

  // Those that wait for a thread.
  [[nodiscard]] std::size_t count() const;

  // Answers what waits, and what comes later, with EINTR; returns when the last work is done.
  void close();

 private:
  using Number = std::uint64_t;
  struct Waiting {
    fuse_req_t request;
    std::function<void()> work;  // Empty: run() is still about to hand it in.
    bool cancelled = false;      // Before that.
  };
  void work(const std::stop_token& stop);
  [[nodiscard]] std::map<Number, Waiting>::iterator first_ready();

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  std::map<Number, Waiting> waiting_;
  std::size_t running_ = 0;
  Number next_ = 1;
  bool closed_ = false;
  std::vector<std::jthread> threads_;  // Last: they use the members above.
};

}  // namespace mixtape::fusefs
