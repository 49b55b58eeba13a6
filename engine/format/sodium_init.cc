// SPDX-License-Identifier: Apache-2.0
#include "engine/format/sodium_init.h"

#include <sodium.h>

#include "tapeio/error.h"

namespace mixtape::format {

void require_sodium() {
  static const bool ready = sodium_init() >= 0;
  if (!ready) {
    throw Error(ErrorCode::io, "initialise libsodium: no source of random numbers");
  }
}

void fill_random(MutableBytes bytes) {
  require_sodium();
  randombytes_buf(bytes.data(), bytes.size());
}

}  // namespace mixtape::format
