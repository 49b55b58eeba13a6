// SPDX-License-Identifier: Apache-2.0
#include "engine/staging/changes.h"

#include <unistd.h>

#include <cerrno>

#include "tapeio/error.h"

namespace mixtape::staging {

void Changes::announce() const {
  if (before_) {
    before_();
  }
}

void Changes::unlink(int parent, const std::string& name, int flags) const {
  announce();
  if (::unlinkat(parent, name.c_str(), flags) != 0 && errno != ENOENT) {
    throw_errno("remove staged " + name);
  }
}

}  // namespace mixtape::staging
