// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
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
  void closing(Inode inode);
  void closed(Inode inode);
  [[nodiscard]] bool is_open(Inode inode) const;
  // Returns when no file is being closed, or after `limit`.
  void wait_for_closing(std::chrono::milliseconds limit);

  // A name that a set has of a file. Further names of one file are remembered, so that hard links
  // stay together when it is copied.
  void taken(const std::string& set, Inode inode, const std::string& path, bool has_other_names);
  [[nodiscard]] bool in_set(Inode inode) const;
  [[nodiscard]] std::vector<std::string> linked_names(Inode inode) const;
  void forget_set(const std::string& set);

 private:
  mutable std::mutex mutex_;
  std::condition_variable closed_;
  // Guarded by mutex_.
  struct Writers {
    std::uint32_t count = 0;
    bool closing = false;
  };
  std::unordered_map<Inode, Writers, InodeHash> writers_;
  std::size_t closing_ = 0;  // Entries of writers_ that are being closed.
  // Some 64 bytes a file, while its flush runs.
  std::map<std::string, std::unordered_map<Inode, std::vector<std::string>, InodeHash>> sets_;
};

}  // namespace mixtape::staging
