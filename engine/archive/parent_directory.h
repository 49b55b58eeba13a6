// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tapeio/unique_fd.h"

// The directory of the file asked for last, kept open: most neighbours share it, and one component
// is cheaper to look up than ten.
//
// A directory that was renamed meanwhile is still the one it was. Whoever opens something in it
// must compare what he got with what he expects, as he must with a whole path.
//
// Threads: none; belongs to the thread that asks. Limits: one descriptor.

namespace mixtape::archive {

class ParentDirectory {
 public:
  // What the ...at() calls take. Valid until the next call and as long as `path` lives.
  struct Place {
    int directory;     // -1: it cannot be opened.
    const char* name;  // Last component.
    int error;         // 0, or the errno of opening the directory.
  };
  [[nodiscard]] Place of(const std::string& path);

 private:
  std::string path_;  // With the slash behind it.
  tapeio::UniqueFd directory_;
  int error_ = 0;
};

}  // namespace mixtape::archive
