// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "engine/progress/reporter.h"
#include "tapeio/library.h"

// Getting a medium into a drive, and what must be true of both before anything is written.

namespace mixtape::archive {

// Waits as load_and_tell() does. Error{no_medium, write_protected, no_space} in
// words that say what to do; Error{cancelled}. The head is at the beginning.
[[nodiscard]] std::unique_ptr<tapeio::TapeDrive> load_for_writing(
    const tapeio::PlacedMedium& medium, Reporter& reporter, tapeio::ForPeople for_people);

// What a medium that is labelled now gets: `configured`, unless the way to the tape is narrower;
// then the next half that fits. Error{unsupported} when not even 64 KiB does.
[[nodiscard]] std::uint64_t record_size_for(std::uint64_t configured,
                                            const tapeio::MediumInfo& medium);

}  // namespace mixtape::archive
