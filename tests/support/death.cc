// SPDX-License-Identifier: Apache-2.0
#include "tests/support/death.h"

#include <signal.h>
#include <unistd.h>

namespace mixtape::test {

void die() {
  for (;;) {
    ::kill(::getpid(), SIGKILL);
  }
}

}  // namespace mixtape::test
