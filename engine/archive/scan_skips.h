// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
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

// Every directory on the way to an absolute path, "/" first, the path itself last.
[[nodiscard]] std::vector<std::string> ways_to(const std::string& path);

class Skips {
 public:
  // `mounts` has the format of /proc/self/mountinfo. Own directories that are not there are no
  // error.
  Skips(const std::vector<OwnDirectory>& own, std::string_view mounts);
  // With the mounts of this process.
  static Skips of_this_machine(const std::vector<OwnDirectory>& own);

  // Why the directory at `path` (absolute) is left out where a walk comes across it: "Mixtape's
  // home", "a proc file system"; empty when it is not. Own directories are known by device and
  // inode, under whatever name they come.
  [[nodiscard]] std::string_view why(const std::string& path, const FileStat& stat) const;

  // The first directory on the way to `path` (absolute, without symlinks) that rules it out: one of
  // our own, or the mount it lies on. Another mount inside a pseudo file system (/dev/shm) is one
  // like any other.
  struct Obstacle {
    std::string path;
    std::string_view why;
  };
  [[nodiscard]] std::optional<Obstacle> on_the_way_to(const std::string& path) const;

 private:
  [[nodiscard]] std::string_view why_own(const FileStat& stat) const;

  struct Own {
    std::uint64_t device, inode;
    std::string what;
  };
  std::vector<Own> own_;
  std::map<std::string, std::string, std::less<>> mounts_;  // Mount point to reason.
};

}  // namespace mixtape::archive
