// SPDX-License-Identifier: Apache-2.0
#include "tests/support/plain_user.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "tapeio/error.h"

namespace mixtape::test {
namespace {

// libc has no wrapper: these calls are of the thread, not of the process.
void call(long number, __user_cap_data_struct* data) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  if (::syscall(number, &header, data) != 0) {
    throw_errno("change the capabilities of this thread");
  }
}

}  // namespace

PlainUser::PlainUser() {
  call(SYS_capget, before_);
  __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = {before_[0], before_[1]};
  now[0].effective &= ~(CAP_TO_MASK(CAP_DAC_OVERRIDE) | CAP_TO_MASK(CAP_DAC_READ_SEARCH));
  call(SYS_capset, now);
}

PlainUser::~PlainUser() {
  call(SYS_capset, before_);
}

}  // namespace mixtape::test
