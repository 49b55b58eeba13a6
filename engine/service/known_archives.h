// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
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

// Which of several media one is.
struct Recognised {
  std::optional<std::size_t> is = std::nullopt;  // Its place in the list; nullopt: none of them.
  // Of this one nothing could be read at all, so that nothing is known.
  std::optional<std::size_t> may_be = std::nullopt;
};
// Hears how many places of how many were looked at, before each; throws to end the search.
using BeforeEachBlock = std::function<void(std::size_t done, std::size_t all)>;

// `media`: what each of them has. What cannot be read where an archive should stand is another's,
// or damaged; Error{no_medium, exhausted, cancelled} end the search. Cost: a locate and a record
// for each block address that any of them names, from the beginning of the tape to its end, so
// that the tape is wound once; the head is anywhere afterwards.
[[nodiscard]] Recognised recognise(std::span<const std::vector<KnownArchive>> media,
                                   tapeio::TapeDrive& drive, const BeforeEachBlock& before_each);

// Whether it is the one that has these archives; nullopt: nothing could be read at all. Errors and
// cost as above.
[[nodiscard]] std::optional<bool> holds_any(const std::vector<KnownArchive>& archives,
                                            tapeio::TapeDrive& drive);

}  // namespace mixtape::service
