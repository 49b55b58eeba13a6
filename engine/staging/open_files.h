// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

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

inline Inode inode_of(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

class OpenFiles {
 public:
  void opened(Inode inode);
  void closing(Inode inode);
  void closed(Inode inode);
  [[nodiscard]] bool is_open(Inode inode) const;
  // Returns when no file is being closed, or after `limit`.
  void wait_for_closing(std::chrono::milliseconds limit);

  // A name that a set has of a file, the same as in the tree. Where a file has several, the tree's
  // are remembered as they change, so that hard links stay together when it is copied.
  void taken(const std::string& set, Inode inode, const std::string& path, bool has_other_names);
  void dropped(const std::string& set, Inode inode);
  void renamed(const std::string& from, const std::string& to, bool exchanged);
  [[nodiscard]] std::size_t names_in_sets(Inode inode) const;
  // The sets that have a name of the file; numbers that no later set of the same name gets.
  using SetNumber = std::uint64_t;
  [[nodiscard]] std::vector<SetNumber> holders(Inode inode) const;
  // Whether one of these sets has it still: then nobody changed the file since holders() told them.
  [[nodiscard]] bool held_by(Inode inode, const std::vector<SetNumber>& sets) const;
  // Where in the tree names of a file with several may be.
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
  struct Set {
    SetNumber number = 0;  // Given with the first name.
    // How many names it has of each file; some 48 bytes a file while its flush runs.
    std::unordered_map<Inode, std::uint32_t, InodeHash> files;
    std::unordered_map<Inode, std::vector<std::string>, InodeHash> linked;
  };
  std::map<std::string, Set> sets_;
  SetNumber last_set_ = 0;
};

}  // namespace mixtape::staging
