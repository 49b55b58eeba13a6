// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "engine/catalog/snapshot.h"
#include "engine/format/age_keys.h"
#include "engine/format/archaeology.h"
#include "tapeio/error.h"
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

// The last tape file that an index tells of: itself, or the archive behind it.
[[nodiscard]] std::uint64_t last_told_by(const catalog::IndexLabel& label);

// Told of the last tape file of a medium that cannot be read and may be a newer index than the one
// that was taken; why, in words.
using PassedOver = std::function<void(std::uint64_t tape_file, const std::string& why)>;

// Reads the newest index that opens into the new file `to`, from the last tape file backwards;
// nullopt when there is none. Throws what the last one that did not open said, when none did. Cost:
// one seek and one index on a whole medium. Indexes of another medium are refused
// (Error{wrong_medium}), unless they agree with the label in all but one byte of the uuid: then the
// uuid of the index counts, which is under encryption and not in plain text.
[[nodiscard]] std::optional<catalog::FoundIndex> read_last_index(
    tapeio::TapeDrive& drive, const format::MediumLabel& label,
    std::span<const format::Identity> identities, const std::filesystem::path& to,
    const PassedOver& passed_over = {});

// The same of a medium whose own label cannot be read, for what read_label() threw: its newest
// index is its label, too. Throws Error{not_permitted} when no identity opens what is there, and
// `damage` when nothing there can be an index. Cost: as above; a foreign medium, a few seeks.
[[nodiscard]] catalog::FoundIndex read_last_index_without_label(
    tapeio::TapeDrive& drive, const Error& damage, std::span<const format::Identity> identities,
    const std::filesystem::path& to, const PassedOver& passed_over = {});

// What an index says of the medium on which it stands. It knows no recipients.
[[nodiscard]] format::MediumLabel label_in(const catalog::IndexLabel& index);

// Whether one is the other with a single byte damaged, as flipping bits does to a label in plain
// text. Chance makes no such pair, and a mixture of two media is none.
[[nodiscard]] bool is_damaged_twin(const catalog::Uuid& one, const catalog::Uuid& other);

// For people.
[[nodiscard]] std::string told_of_damaged_uuid(const format::MediumLabel& label,
                                               const catalog::IndexLabel& index);
[[nodiscard]] std::string told_of_damaged_label(const std::string& medium, const Error& damage);
[[nodiscard]] std::string told_of_passed_over(std::uint64_t tape_file, const std::string& why);

}  // namespace mixtape::service
