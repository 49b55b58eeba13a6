// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/archive/metadata.h"
#include "engine/archive/rules.h"

// The names in one directory and how their files stand, in byte order.
//
// Threads: none.

namespace mixtape::archive {

class Listing {
 public:
  struct Entry {
    FileStat stat;
    int error = 0;  // Of the stat: the file is there, but says nothing about itself.
    std::uint32_t name_at = 0;
    std::uint32_t name_size = 0;
    std::uint64_t inode = 0;
    Rules::Choice choice = Rules::Choice::taken;
  };

  // Reads all names that are taken or lead somewhere; `choose` is asked before anything touches the
  // files, which may be dead mounts. Returns errno; the listing is then of no use.
  [[nodiscard]] int read(int directory,
                         const std::function<Rules::Choice(std::string_view)>& choose);
  // Looks at each file, in the order of inodes, which on disks is the order of their places. Names
  // whose file vanished meanwhile disappear; the others are sorted.
  void stat_all(int directory);

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::string_view name(const Entry& entry) const {
    return std::string_view(names_).substr(entry.name_at, entry.name_size);
  }

 private:
  std::string names_;  // Each ends with a zero byte, for the kernel.
  std::vector<Entry> entries_;
};

}  // namespace mixtape::archive
