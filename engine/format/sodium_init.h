// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tapeio/bytes.h"

// The door to libsodium: it must be initialised once before anything else in it is called.

namespace mixtape::format {

// Threads: any; cheap after the first call.
void require_sodium();

// From the operating system's generator.
void fill_random(MutableBytes bytes);

}  // namespace mixtape::format
