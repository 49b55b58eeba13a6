// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/capability.h>

// While it lives, modes of files stop this thread and those that it starts as they stop everybody,
// also when root runs the tests. Errors: throws Error.

namespace mixtape::test {

class PlainUser {
 public:
  PlainUser();
  ~PlainUser();
  PlainUser(const PlainUser&) = delete;
  PlainUser& operator=(const PlainUser&) = delete;

 private:
  __user_cap_data_struct before_[_LINUX_CAPABILITY_U32S_3]{};
};

}  // namespace mixtape::test
