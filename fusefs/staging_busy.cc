// SPDX-License-Identifier: Apache-2.0
#include "fusefs/staging_busy.h"

#include <thread>

namespace mixtape::fusefs {

void BusyDirectories::put(staging::Inode directory, bool filled) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (now - swept_ > kUnfilled) {
    std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.when > kUnfilled; });
    swept_ = now;
  }
  seen_[directory] = {now, filled};
}

void BusyDirectories::finished(staging::Inode directory) {
  const std::lock_guard lock(mutex_);
  seen_.erase(directory);
}

bool BusyDirectories::is_busy(staging::Inode directory) {
  const auto find = [&] {
    const std::lock_guard lock(mutex_);
    const auto found = seen_.find(directory);
    return found == seen_.end() ? Seen{} : found->second;
  };
  const Seen before = find();
  if (!before.filled) {
    return before.when != Clock::time_point{} && Clock::now() - before.when < kUnfilled;
  }
  std::this_thread::sleep_until(before.when + kBetweenFiles);
  const Seen now = find();
  return now.when != Clock::time_point{} && now.when != before.when;
}

}  // namespace mixtape::fusefs
