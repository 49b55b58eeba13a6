// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "tapeio/tape_drive.h"

// The chip in a cartridge: whose it is, for drives and libraries of strangers.
//
// It is a courtesy, never a source of truth: a drive without it, or one that refuses, changes
// nothing.
//
// Threads: the drive belongs to the caller; the head does not move.
// Errors:  none.

namespace mixtape::archive {

// Says in the chip that the medium is `label` and was written at `now_s`. Returns why it could not;
// empty when it did, or when there is no chip.
std::string tell_chip(tapeio::TapeDrive& drive, const std::string& label, std::int64_t now_s);

}  // namespace mixtape::archive
