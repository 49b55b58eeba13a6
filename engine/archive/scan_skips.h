// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/archive/metadata.h"

// Directories that no rule can bring into a backup: what Mixtape keeps itself, what it shows, and
// what the kernel only pretends to be files.
//
// Threads: none; immutable after construction.

namespace mixtape::archive {

// Mixtape's home, a library of disk media.
struct OwnDirectory {
  std::string path;
  std::string what;  // "Mixtape's home".
};

class Skips {
 public:
  // `mounts` has the format of /proc/self/mountinfo. Own directories that are not there are no
  // error.
  Skips(const std::vector<OwnDirectory>& own, std::string_view mounts);
  // With the mounts of this process.
  static Skips of_this_machine(const std::vector<OwnDirectory>& own);

  // Why the directory at `path` (absolute) is left out: "Mixtape's home", "a proc file system";
  // empty when it is not. Own directories are known by device and inode, under whatever name they
  // come.
  [[nodiscard]] std::string_view why(const std::string& path, const FileStat& stat) const;

 private:
  struct Own {
    std::uint64_t device, inode;
    std::string what;
  };
  std::vector<Own> own_;
  std::map<std::string, std::string, std::less<>> mounts_;  // Mount point to reason.
};

}  // namespace mixtape::archive
