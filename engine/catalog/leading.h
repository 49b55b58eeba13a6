// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <unordered_set>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"

// The directories that lead to some paths: those that a walk which looks for these paths has to
// enter. Private to this room.
//
// Threads: none; belongs to its connection.
// Memory:  some 40 bytes for each such directory, none for a path.

namespace mixtape::catalog {

class LeadingDirectories {
 public:
  explicit LeadingDirectories(Database& database)
      : run_of_(database,
                "SELECT first, count, parent FROM path_run WHERE first <= ? "
                "ORDER BY first DESC LIMIT 1") {}

  // Cheap where paths that were made together come one after the other.
  void add(std::int64_t path) {
    if (path >= first_ && path < end_) {
      return;
    }
    for (bool lowest = true; path != number(kRootPath); lowest = false) {
      Running running(run_of_);
      if (!run_of_.bind(1, path).step()) {
        return;
      }
      const std::int64_t parent = run_of_.integer(2);
      if (lowest) {
        first_ = run_of_.integer(0);
        end_ = first_ + run_of_.integer(1);
      }
      // Parents are always made before their children, so that the way up ends.
      if (parent >= path || !directories_.insert(parent).second) {
        return;
      }
      path = parent;
    }
  }

  [[nodiscard]] bool contains(std::int64_t directory) const {
    return directories_.contains(directory);
  }
  [[nodiscard]] const std::unordered_set<std::int64_t>& all() const { return directories_; }

 private:
  Statement run_of_;
  std::unordered_set<std::int64_t> directories_;
  std::int64_t first_ = 0, end_ = 0;  // The run that was met last: its parent is in already.
};

}  // namespace mixtape::catalog
