// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/staging/staging.h"

// Which files are open for writing, and which have a name in a set: what may not be taken, and what
// may not be written.
//
// Threads: internally synchronised; one mutex, a leaf of the lock order.

namespace mixtape::staging {

struct InodeHash {
  std::size_t operator()(const Inode& inode) const {
    return std::hash<std::uint64_t>()(inode.number * 0x9e3779b97f4a7c15ULL + inode.device);
  }
};

class OpenFiles {
 public:
  void opened(Inode inode);
  void closed(Inode inode);
  [[nodiscard]] bool is_open(Inode inode) const;

  // A name that a set has of a file. Further names of one file are remembered, so that hard links
  // stay together when it is copied.
  void taken(const std::string& set, Inode inode, const std::string& path, bool has_other_names);
  [[nodiscard]] bool in_set(Inode inode) const;
  [[nodiscard]] std::vector<std::string> linked_names(Inode inode) const;
  void forget_set(const std::string& set);

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<Inode, std::uint32_t, InodeHash> writers_;
  // Some 64 bytes a file, while its flush runs.
  std::map<std::string, std::unordered_map<Inode, std::vector<std::string>, InodeHash>> sets_;
};

}  // namespace mixtape::staging
