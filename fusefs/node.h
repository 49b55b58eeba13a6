// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "fusefs/node_id.h"

// What the mount tells the kernel about a node, without the kernel's types.

namespace mixtape::fusefs {

struct Attributes {
  std::uint64_t inode = 0;  // What user space sees; differs from the node number.
  std::uint32_t mode = 0;
  std::uint32_t nlink = 1;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t device = 0;
  std::uint64_t size = 0;
  std::uint64_t blocks =
      0;  // Of 512 bytes; never 0 for a file with data, or `tar -S` would archive zeros.
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::int64_t atime_ns = 0;
};

// How long the kernel may believe what it was told.
enum class Freshness {
  forever,  // Immutable, or invalidated when a job commits.
  brief,    // What changes without notice: snapshots, media, bundles and all that is in them.
  none,     // Made anew each time.
};
// Of the names in a directory.
[[nodiscard]] inline Freshness freshness_in(const Node& directory) {
  return directory.kind == NodeKind::snapshot || directory.kind == NodeKind::bundle
             ? Freshness::brief
             : Freshness::forever;
}

struct Found {
  NodeId node{};
  Attributes attributes;
  Freshness freshness = Freshness::forever;
};

// One row of a directory. `looked_up` rows carry attributes (readdirplus); the others only inode
// and type.
struct Row {
  std::string name;
  NodeId node{};
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;
  bool looked_up = false;
  Attributes attributes;
};

// The answer to a request is no: an errno that is a reply, not a failure of the program.
struct Refusal {
  int error_number;
};

}  // namespace mixtape::fusefs
