// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "tapeio/scsi/transport.h"

namespace mixtape::tapeio::scsi {

// The serial number of the tape drive there; nullopt: it is no tape drive, or does not tell. By
// INQUIRY alone, which disturbs nobody: a unit attention does not hold it back (SPC-5
// 5.14) and stays for whoever it is for, no reservation does, and no tape moves.
// Errors: as the transport.
[[nodiscard]] std::optional<std::string> serial_of_tape_drive(Transport& transport);

}  // namespace mixtape::tapeio::scsi
