// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "engine/catalog/snapshot.h"
#include "engine/format/age_keys.h"
#include "engine/format/archaeology.h"
#include "tapeio/tape_drive.h"

// What a found medium knows: its label and its newest index.
//
// Threads: the drive belongs to the caller. The head stands anywhere afterwards.

namespace mixtape::service {

// Tape file 0; nullopt on an empty medium. Throws Error{corrupt, unsupported}.
[[nodiscard]] std::optional<format::MediumLabel> read_label(tapeio::TapeDrive& drive);

// The same; nullopt also for what does not begin as one of ours, or cannot be understood.
[[nodiscard]] std::optional<format::MediumLabel> read_label_if_readable(tapeio::TapeDrive& drive);

// Its label alone, as tapeio::LabelReader wants it; nullopt also for what is not ours.
[[nodiscard]] std::optional<std::string> read_label_text(tapeio::TapeDrive& drive);

// Reads the newest index that opens into the new file `to`, from the last tape file backwards;
// nullopt when there is none. Throws what the last one that did not open said, when none did. Cost:
// one seek and one index on a whole medium.
[[nodiscard]] std::optional<catalog::FoundIndex> read_last_index(
    tapeio::TapeDrive& drive, const format::MediumLabel& label,
    std::span<const format::Identity> identities, const std::filesystem::path& to);

}  // namespace mixtape::service
