// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/unread_ahead.h"

namespace mixtape::recall {

void UnreadAhead::add(std::int64_t content, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() < kMost && entries_.try_emplace(content, Entry{bytes, run_}).second) {
    by_run_.back().push_back(content);
    bytes_ += bytes;
    ++added_;
  }
}

void UnreadAhead::used(std::int64_t content) {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(content);
    if (found == entries_.end()) {
      return;
    }
    bytes_ -= found->second.bytes;
    if (found->second.run == run_) {
      const bool was_half_used = half_used_locked();
      ++used_;
      wakes = !was_half_used && half_used_locked();
    }
    entries_.erase(found);
  }
  if (wakes) {
    wake_();
  }
}

void UnreadAhead::begin_run() {
  const std::lock_guard lock(mutex_);
  ++run_;
  added_ = used_ = 0;
  by_run_.emplace_back();
  if (by_run_.size() <= kRuns) {
    return;
  }
  for (const std::int64_t content : by_run_.front()) {
    const auto found = entries_.find(content);
    if (found != entries_.end() && found->second.run + kRuns <= run_) {
      bytes_ -= found->second.bytes;
      entries_.erase(found);
    }
  }
  by_run_.pop_front();
}

std::uint64_t UnreadAhead::bytes() {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

bool UnreadAhead::is_full() {
  const std::lock_guard lock(mutex_);
  return entries_.size() >= kMost;
}

bool UnreadAhead::is_half_used() {
  const std::lock_guard lock(mutex_);
  return half_used_locked();
}

}  // namespace mixtape::recall
