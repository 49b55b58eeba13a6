// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "engine/progress/reporter.h"
#include "tapeio/library.h"

// How a command waits for a medium: in words, and until it is stopped.

namespace mixtape::archive {

// As tapeio::load_when_ready. One note says what is waited for, another only when that becomes
// something else; how far it is, where the drive tells, goes to the reporter as progress.
[[nodiscard]] std::unique_ptr<tapeio::TapeDrive> load_and_tell(const tapeio::PlacedMedium& medium,
                                                               tapeio::Library::Access access,
                                                               Reporter& reporter,
                                                               tapeio::ForPeople for_people);

}  // namespace mixtape::archive
