// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "engine/catalog/ledger.h"
#include "tapeio/bytes.h"
#include "tapeio/tape_drive.h"

// What proves that a medium is the one that the catalog means, also where its label is damaged: no
// two archives begin alike, since each has a key of its own.

namespace mixtape::service {

struct KnownArchive {
  std::uint64_t block = 0;
  Bytes header;  // What stands there.
};

// Those of a medium; when it has more than `most`, the first ones.
[[nodiscard]] std::vector<KnownArchive> known_archives(
    catalog::Ledger& ledger, catalog::MediumId medium,
    std::size_t most = std::numeric_limits<std::size_t>::max());

// Whether one of them stands where it should. What cannot be read there is another's, or damaged;
// Error{no_medium, exhausted, cancelled} end the search. Nullopt: nothing could be read at all, so
// that nothing is known. Cost: a locate for each; the head is anywhere.
[[nodiscard]] std::optional<bool> holds_any(const std::vector<KnownArchive>& archives,
                                            tapeio::TapeDrive& drive);

}  // namespace mixtape::service
