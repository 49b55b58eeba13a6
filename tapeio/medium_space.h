// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "tapeio/bytes.h"

// How full a medium is that only pretends to be a tape: capacity, the zone of early warning before
// its end, and the room for filemarks behind it.

namespace mixtape::tapeio {

struct MediumSpace {
  std::uint64_t capacity_bytes = 0;
  std::uint64_t early_warning_bytes = 0;  // Length of the zone before the end.
  std::uint64_t filemark_bytes =
      4 * KiB;  // On a disk a filemark costs about one block and one inode.
  static constexpr std::uint64_t kFilemarksBehindEnd = 64;  // Enough to close whatever was begun.

  // A twentieth is room for a closing index also on a small medium; 1 GiB is room for any catalog
  // that travels (it has at most 1 GiB by design), and more would only waste large disks.
  static MediumSpace with_default_warning(std::uint64_t capacity_bytes) {
    return {.capacity_bytes = capacity_bytes,
            .early_warning_bytes = std::min<std::uint64_t>(capacity_bytes / 20, GiB)};
  }

  [[nodiscard]] bool holds_record(std::uint64_t used, std::uint64_t size) const {
    return used <= capacity_bytes && size <= capacity_bytes - used;
  }
  [[nodiscard]] bool holds_filemark(std::uint64_t used) const {
    return used + filemark_bytes <= capacity_bytes + kFilemarksBehindEnd * filemark_bytes;
  }
  [[nodiscard]] bool warns(std::uint64_t used) const {
    return used + early_warning_bytes >= capacity_bytes;
  }
};

}  // namespace mixtape::tapeio
