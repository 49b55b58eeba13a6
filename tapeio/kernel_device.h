// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "tapeio/drive_features.h"

// What Linux' sysfs tells about the SCSI device behind a device file, without opening it: nothing
// moves and nobody is disturbed.
//
// `path`:  any name of the device, links too: /dev/nst0, /dev/sch0, /dev/tape/by-id/...
// `sysfs`: for tests.
// Errors:  none thrown; what the kernel does not tell is absent or empty.

namespace mixtape::tapeio {

// The sg device of the same unit, "/dev/sg3"; nullopt: it is no SCSI device, or there is no sg
// driver. An sg device is its own.
[[nodiscard]] std::optional<std::string> sg_device_of(const std::string& path,
                                                      const std::string& sysfs = "/sys");

// What the kernel was told by INQUIRY when it found the device; nullopt: it is no SCSI device.
[[nodiscard]] std::optional<DriveIdentity> identity_of_device(const std::string& path,
                                                              const std::string& sysfs = "/sys");

}  // namespace mixtape::tapeio
