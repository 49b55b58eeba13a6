// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "tapeio/error.h"

// Refusing to write where nothing may be written, in the same words for every drive.

namespace mixtape::tapeio {

// What to do about a cartridge whose switch is set; begins in the middle of a sentence.
inline constexpr std::string_view kMoveItsSwitch =
    "it is write-protected: move its switch, or take another";

struct WriteProtection {
  bool loaded_for_reading = false;
  // Why the medium itself takes nothing, and what to do; empty: it takes what is written.
  std::string_view of_medium = {};
};

// Error{write_protected} unless it may be written. `what`: "write record to medium MX0001L8".
inline void require_writable(const std::string& what, const WriteProtection& protection) {
  if (protection.loaded_for_reading) {
    throw Error(ErrorCode::write_protected, what + ": it was loaded for reading only");
  }
  if (!protection.of_medium.empty()) {
    throw Error(ErrorCode::write_protected, what + ": " + std::string(protection.of_medium));
  }
}

}  // namespace mixtape::tapeio
