// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"

// Which values an index can have. Anybody who knows a recipient can write an index for it: what
// stands in one is believed only within these bounds, and leaves room for what is counted on from
// it. Private to this room.
//
// Format: archaeology/tape-format.md, sections "Records and padding" and "Index"

namespace mixtape::catalog {

// Counters and lengths in bytes: far beyond any medium, and sums of some of them still fit.
inline constexpr std::int64_t kMostCounted = (std::int64_t{1} << 53) - 1;
// The last second of the year 9999; times before 1970 belong to no job.
inline constexpr std::int64_t kLastSecond = 253'402'300'799;

[[nodiscard]] bool is_possible_record_size(std::int64_t bytes);
// A label as media have it, with or without the mark that tells two media of one label apart.
[[nodiscard]] bool is_possible_label(std::string_view label, const Uuid& medium);

// Beyond what inspect_index sees: every row refers to rows that exist, every name can be a name,
// every value is one that this program could have written. Throws Error{corrupt} with the first
// fault. Cost: some passes over every table.
void require_sound(Database& index, const std::filesystem::path& file);

}  // namespace mixtape::catalog
