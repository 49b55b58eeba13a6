// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

// What was read ahead into the cache and not opened since: it bounds how much more is, and tells
// whether the reader is still there.
//
// Threads: any; `wake` runs on the thread that calls used(), under no lock.
// Memory:  fifty bytes a content, at most kMost of them.

namespace mixtape::recall {

class UnreadAhead {
 public:
  static constexpr std::size_t kMost = 500'000;
  static constexpr std::size_t kRuns = 64;

  // `wake`: called when half of the newest run was opened, so that more may be read ahead.
  explicit UnreadAhead(std::function<void()> wake) : wake_(std::move(wake)) {}

  // A content that was read ahead belongs to the newest run; one that is known is counted once.
  void add(std::int64_t content, std::uint64_t bytes);
  // Somebody opened it; no matter whether it was read ahead.
  void used(std::int64_t content);
  // What is added from now on is a run of its own. Account is kept of the kRuns newest only: who
  // has not come back for what was before them is gone.
  void begin_run();

  [[nodiscard]] std::uint64_t bytes();
  // Nothing more can be added.
  [[nodiscard]] bool is_full();
  // Half of the newest run was opened; not of one in which there is nothing.
  [[nodiscard]] bool is_half_used();

 private:
  struct Entry {
    std::uint64_t bytes = 0;
    std::uint64_t run = 0;
  };
  [[nodiscard]] bool half_used_locked() const { return added_ > 0 && 2 * used_ >= added_; }

  const std::function<void()> wake_;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::unordered_map<std::int64_t, Entry> entries_;
  std::deque<std::vector<std::int64_t>> by_run_{1};  // The newest last.
  std::uint64_t bytes_ = 0;
  std::uint64_t run_ = 0;
  std::size_t added_ = 0, used_ = 0;  // Of the newest run.
};

}  // namespace mixtape::recall
