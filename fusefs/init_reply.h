// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fusefs/reply.h"

// Asks the kernel for FUSE_DIRECT_IO_ALLOW_MMAP, for which libfuse 3.14 has no word: without it a
// shared mapping (Python's default, for one) of a file that is opened with direct_io fails with
// ENODEV.
//
// The request stands in the second word of flags of the reply to INIT, the first reply of a
// session. It can go when libfuse 3.17 (FUSE_CAP_DIRECT_IO_ALLOW_MMAP) is the oldest that is built
// with. Kernels before 6.6 ignore it, and shared mappings of files that are not here fail there.

namespace mixtape::fusefs {

// Puts itself between a mounted session and its device.
void allow_mappings_of_direct_files(fuse_session* session);

}  // namespace mixtape::fusefs
