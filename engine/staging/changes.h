// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <utility>

// Changes of the staging directory, each announced before it is made: where tests cut the power.
//
// Errors: throws Error as throw_errno does.

namespace mixtape::staging {

class Changes {
 public:
  explicit Changes(std::function<void()> before) : before_(std::move(before)) {}

  // A change follows.
  void announce() const;
  // What is absent already counts as removed.
  void unlink(int parent, const std::string& name, int flags = 0) const;

 private:
  std::function<void()> before_;
};

}  // namespace mixtape::staging
