// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tapeio/bytes.h"

// Our bytes as the pointers that C libraries of cryptography take. Internal to this room.

namespace mixtape::format {

// Never null: those libraries declare their pointers so, also where the length is 0.
inline const unsigned char* raw(ByteView bytes) {
  static constexpr unsigned char kNothing = 0;
  return bytes.empty() ? &kNothing : reinterpret_cast<const unsigned char*>(bytes.data());
}

inline unsigned char* raw_out(MutableBytes bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace mixtape::format
