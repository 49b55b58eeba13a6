// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/catalog/types.h"

// Names that the mount makes up: of snapshots, of versions in history, of bundles on a medium.
//
// Limits: 255 bytes, the most that Linux lets a name have.

namespace mixtape::fusefs {

inline constexpr std::size_t kMaxName = 255;

// Whether Linux can have such a name: a catalog that was recovered from a medium may hold anything.
[[nodiscard]] bool is_showable(std::string_view name);

// "20261121T191403Z"
[[nodiscard]] std::string time_name(std::int64_t time_s);
// Only what time_name makes: nullopt for everything else.
[[nodiscard]] std::optional<std::int64_t> parse_time_name(std::string_view name);

// "20261121T191403Z-3fa94c1b.raw": when the job that saw it began, the first eight digits of its
// hash (or "unhashed", or "link" for a symlink and "empty" for a file without bytes), the extension
// of `file_name`. `taken` tells names that children of the same directory have: then "~2", "~3",
// ... before the extension.
[[nodiscard]] std::string version_name(std::string_view file_name, const catalog::Version& version,
                                       std::int64_t job_started_s,
                                       const std::function<bool(const std::string&)>& taken);
// Whether a name could be one of a version, before any query is made for it.
[[nodiscard]] bool may_name_version(std::string_view name);

// "0001-2026-11-21": the number on its medium and the day it was written (UTC).
[[nodiscard]] std::string bundle_name(const catalog::Bundle& bundle);

}  // namespace mixtape::fusefs
