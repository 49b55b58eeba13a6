// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/catalog/types.h"
#include "engine/service/context.h"

// Which media count: retired, lost, and in use again.
//
// What is noted travels with the next index that is written, and where two lives of the catalog
// meet, the later note wins.
//
// Errors: throws Error{not_found} for a label that the catalog does not know.

namespace mixtape::service {

// The row of this label. What the error says depends on whether a library has such a medium.
[[nodiscard]] catalog::Medium known_medium(Context& context, std::string_view label);

// The URL of the library that has a medium of this label, whatever is on it. Moves nothing.
[[nodiscard]] std::optional<std::string> library_with(Context& context, std::string_view label);

struct StateChange {
  catalog::MediumState before{}, after{};
  // Files of `latest` that are on fewer media than the policy asks for, and have a copy on this one
  // that does not count (any more).
  std::uint64_t lacking_files = 0, lacking_bytes = 0;
  // Of them, those that can be read from no other medium.
  std::uint64_t only_here_files = 0, only_here_bytes = 0;
  [[nodiscard]] bool changed() const { return before != after; }
};

// Each may be done again and changes nothing then. `dry_run`: the same numbers, nothing is noted.
// Cost: one pass over the newest versions.

// Copies on it count no more and nothing is written to it; it can still be read.
StateChange retire_medium(Context& context, std::string_view label, bool dry_run = false);
// The same, and nobody is asked for it to read from it.
StateChange lose_medium(Context& context, std::string_view label, bool dry_run = false);
// It is in use again, retired or lost before. Copies on one that was lost count when a job or a
// verification has read its label. Whether it is full shows when something is written to it.
StateChange find_medium(Context& context, std::string_view label, bool dry_run = false);

}  // namespace mixtape::service
