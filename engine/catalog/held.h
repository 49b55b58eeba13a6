// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "engine/catalog/types.h"

// What the ledger tells of media: what they hold, and when that was last read.

namespace mixtape::catalog {

struct HeldContent {
  ContentId content;
  std::uint64_t size;
  std::optional<Hash> hash;
};

// A copy and what it must be. Those that were bad from the start are left out.
struct HeldCopy {
  Copy copy;
  std::uint64_t size = 0;
  std::optional<Hash> hash;
};

// How long ago the copies on a medium were last read: since when the oldest was not, and how many
// never were. A copy that was never read counts from when it was written. And how many of them were
// found damaged, the last one when.
struct MediumVerified {
  MediumId medium{};
  std::uint64_t copies = 0, never = 0;
  std::int64_t oldest_s = 0;
  std::uint64_t damaged = 0;
  std::int64_t last_found_s = 0;
};

}  // namespace mixtape::catalog
