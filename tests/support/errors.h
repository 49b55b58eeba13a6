// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "tapeio/error.h"

namespace mixtape::test {

// The code of the Error that `operation` throws; nullopt when it throws none.
template <typename Operation>
[[nodiscard]] std::optional<ErrorCode> error_of(Operation operation) {
  try {
    static_cast<void>(operation());
    return std::nullopt;
  } catch (const Error& error) {
    return error.code();
  }
}

// The message of the Error that `operation` throws; empty when it throws none.
template <typename Operation>
[[nodiscard]] std::string message_of(Operation operation) {
  try {
    static_cast<void>(operation());
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace mixtape::test
