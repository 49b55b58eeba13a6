// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <unordered_map>

#include "engine/staging/staging.h"

// Directories of staging that somebody is just filling. A flush that took all there was would pull
// them away between two files of `cp -r`, or between `mkdir` and `cp`.
//
// Threads: internally synchronised; is_busy() may wait, holding nothing.

namespace mixtape::fusefs {

class BusyDirectories {
 public:
  // What was made and stays empty is left for so long; `mkdir`, `cd`, and then the files.
  static constexpr std::chrono::seconds kUnfilled{60};
  // Longer than whoever copies a tree takes from one file to the next.
  static constexpr std::chrono::seconds kBetweenFiles{2};

  void made(staging::Inode directory) { put(directory, false); }
  void filled(staging::Inode directory) { put(directory, true); }
  // Its times were set: tools that copy trees do that when a directory is complete.
  void finished(staging::Inode directory);

  // One that was filled less than kBetweenFiles ago is watched until then.
  [[nodiscard]] bool is_busy(staging::Inode directory);

 private:
  using Clock = std::chrono::steady_clock;
  struct Seen {
    Clock::time_point when;
    bool filled = false;
  };
  void put(staging::Inode directory, bool filled);

  std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<staging::Inode, Seen, staging::InodeHash> seen_;  // Of the last minutes.
  Clock::time_point swept_ = Clock::now();
};

}  // namespace mixtape::fusefs
