// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "engine/staging/changes.h"
#include "engine/staging/directory.h"
#include "engine/staging/open_files.h"

// The sets that flushes take of the staged tree: second names of its files, in a directory of their
// own below DIR/flushing.
//
// Threads:  takes `names` for one directory or one file at a time; the caller holds it not.
// Errors:   throws Error as throw_errno does.
// Lifetime: everything given to the constructor must outlive this object.

namespace mixtape::staging {

class Sets {
 public:
  Sets(int tree, int flushing, const Changes& changes, std::shared_mutex& names, OpenFiles& files)
      : tree_(tree), flushing_(flushing), changes_(changes), names_(names), files_(files) {}

  struct Taken {
    bool some = false;  // The set got something, or the directory itself is to be taken.
    bool left = false;  // Something stays in the tree.
    LeftOpen open;      // Of that.
  };
  // Gives what is in the tree second names in the directory `into`.
  Taken take(const std::string& set, int into);
  // Removes below `from` what still is what the set holds, and what became empty by that unless it
  // is busy.
  using Busy = std::function<bool(Inode directory)>;
  void remove_taken(int from, int set, const Busy& busy);
  // Removes the names that the set has in `directory`, one by one, so that nobody sees a link that
  // is neither there nor accounted for; then the directory.
  void remove(const std::string& set, const std::string& directory);
  // Names that a crashed process had in the set.
  void remember(const std::string& set);

 private:
  Taken take_files(const std::string& set, int from, int to, const std::string& path,
                   const std::vector<Child>& children);
  Taken take_directory(const std::string& set, int from, int to, const std::string& path);
  void clear(const std::string& set, int directory_fd);
  void remember_below(const std::string& set, int directory_fd, const std::string& path);

  const int tree_;
  const int flushing_;
  const Changes& changes_;
  std::shared_mutex& names_;
  OpenFiles& files_;
};

}  // namespace mixtape::staging
