// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "fusefs/node.h"
#include "fusefs/staging_nodes.h"
#include "tapeio/unique_fd.h"

// The system calls that the mount makes on the staging tree. They resolve below the tree only and
// follow no symlink.
//
// Errors: Refusal with the system's own errno: the answer that a local disk would give.

namespace mixtape::fusefs {

// Throws Refusal{errno} when `result` is negative.
long checked(long result);

struct StagedStatus {
  StagedKey key;
  Attributes attributes;
};
[[nodiscard]] StagedStatus status_of(int fd);
[[nodiscard]] StagedStatus status_of(int directory, const std::string& name);

// A place below an open directory, reached whatever the path's length is: one system call takes
// only PATH_MAX.
class Place {
 public:
  Place(int tree, const std::string& path);
  [[nodiscard]] int directory() const { return holder_.valid() ? holder_.get() : tree_; }
  [[nodiscard]] const char* path() const { return rest_.empty() ? "." : rest_.c_str(); }

 private:
  int tree_;
  tapeio::UniqueFd holder_;
  std::string rest_;
};

// The file itself, without opening its content: also of symlinks and of files that may not be read.
[[nodiscard]] tapeio::UniqueFd open_node(const Place& place);
// A name by which any system call reaches what the descriptor stands for.
[[nodiscard]] std::string name_of(const tapeio::UniqueFd& fd);

}  // namespace mixtape::fusefs
