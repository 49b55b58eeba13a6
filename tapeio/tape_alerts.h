// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "tapeio/drive_features.h"

// The TapeAlert flags (SSC-5 annex) in words.

namespace mixtape::tapeio {

inline constexpr std::uint8_t kTapeAlertFlags = 64;
inline constexpr std::uint8_t kReadWarning = 1;
inline constexpr std::uint8_t kWriteWarning = 2;
inline constexpr std::uint8_t kMediaWornOut = 4;
inline constexpr std::uint8_t kReadFailure = 5;
inline constexpr std::uint8_t kWriteFailure = 6;
inline constexpr std::uint8_t kWriteProtected = 9;
inline constexpr std::uint8_t kUnsupportedFormat = 12;
inline constexpr std::uint8_t kReadOnlyFormat = 17;
inline constexpr std::uint8_t kCleanNow = 20;
inline constexpr std::uint8_t kCleanPeriodically = 21;

// `flag`: 1 to 64.
[[nodiscard]] TapeAlert tape_alert(std::uint8_t flag);

// Whom it is about: an error while reading or writing may be the fault of either.
[[nodiscard]] bool concerns_medium(std::uint8_t flag);
[[nodiscard]] bool concerns_drive(std::uint8_t flag);

}  // namespace mixtape::tapeio
