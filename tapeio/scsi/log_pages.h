// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "tapeio/scsi/drive_link.h"
#include "tapeio/scsi/drive_support.h"
#include "tapeio/scsi/ssc_data.h"

// Log pages by number, and how one is read.

namespace mixtape::tapeio::scsi {

namespace log_page {
inline constexpr std::uint8_t kWriteErrors = 0x02;
inline constexpr std::uint8_t kReadErrors = 0x03;
inline constexpr std::uint8_t kSequentialAccess = 0x0c;
inline constexpr std::uint8_t kDeviceStatus = 0x11;
inline constexpr std::uint8_t kTapeAlertResponse = 0x12;
inline constexpr std::uint8_t kVolumeStatistics = 0x17;
inline constexpr std::uint8_t kTapeAlert = 0x2e;
inline constexpr std::uint8_t kTapeCapacity = 0x31;
}  // namespace log_page

// nullopt when the drive does not have it.
[[nodiscard]] std::optional<LogParameters> read_log(DriveLink& link, const DriveSupport& support,
                                                    std::uint8_t page);

}  // namespace mixtape::tapeio::scsi
