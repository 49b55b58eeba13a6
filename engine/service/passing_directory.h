// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "tapeio/unique_fd.h"

// A directory below $TMPDIR, or /var/tmp, for this user alone (0700), which is gone with the
// object. What a process of this user that was killed has left of one is cleared away when the next
// is made.
//
// Threads: none. Any number of processes may have one each.
// Errors:  the constructor throws Error when it cannot make one. What cannot be cleared away stays,
//          with a line in the log.

namespace mixtape::service {

class PassingDirectory {
 public:
  PassingDirectory();
  PassingDirectory(const PassingDirectory&) = delete;
  PassingDirectory& operator=(const PassingDirectory&) = delete;
  ~PassingDirectory();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  tapeio::UniqueFd lock_;  // Of a file in it: whoever can lock that has found a dead one's.
};

}  // namespace mixtape::service
