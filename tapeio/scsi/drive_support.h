// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "tapeio/drive_features.h"
#include "tapeio/scsi/drive_link.h"
#include "tapeio/scsi/ssc_data.h"

// Who a drive is and what it has, found out once when it is opened.
//
// Threads: values only. Errors: throws Error as DriveLink does, and Error{unsupported} for what is
// no tape drive.

namespace mixtape::tapeio::scsi {

struct DriveSupport {
  DriveIdentity identity;
  // What the drive says it has; nullopt: it does not say, and each command is tried.
  std::optional<OperationCodes> operations;
  std::set<std::uint8_t> log_pages;

  // True also where only trying tells.
  [[nodiscard]] bool may_have(std::uint8_t operation, std::uint16_t action = 0) const;
};

[[nodiscard]] DriveSupport find_support(DriveLink& link);

}  // namespace mixtape::tapeio::scsi
