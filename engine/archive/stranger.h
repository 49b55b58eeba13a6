// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tapeio/tape_drive.h"

// Telling people what is on a medium that is not ours, so that nobody writes over what they keep.
//
// Threads: the drive belongs to the caller. The head stands anywhere afterwards.
// Errors:  none for what is on the medium; throws what the drive throws when it cannot move.
// Cost:    a rewind and the first tape file's beginning.

namespace mixtape::archive {

// "an LTFS volume", "a tar archive", "medium MX0007L8 of another Mixtape catalog", "data of a kind
// that Mixtape does not know". Judged by the first record alone: a guess for people, nothing to act
// on.
[[nodiscard]] std::string describe_stranger(tapeio::TapeDrive& drive);

}  // namespace mixtape::archive
