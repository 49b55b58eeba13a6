// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

// Which paths of `latest` a job changed: what a mount has to tell the kernel.

namespace mixtape::service {

struct ChangedPaths {
  // Beyond this a pass over everything that the kernel remembers is cheaper than a list.
  static constexpr std::size_t kMostListed = 65536;

  std::vector<std::string> paths;
  bool everything = false;

  void add(const std::string& path) {
    if (paths.size() >= kMostListed) {
      everything = true;
      paths.clear();
    }
    if (!everything) {
      paths.push_back(path);
    }
  }
};

}  // namespace mixtape::service
