// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "engine/archive/write_context.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/types.h"
#include "engine/progress/reporter.h"
#include "tapeio/tape_drive.h"

// Before anything is written to a medium: is it the one that the catalog means, does it hold what
// the catalog says, and does it know nothing that the catalog does not?
//
// Leftovers of jobs that died (an index without its archive, an archive without its filemark) stand
// behind the last written bundle and may be written over. What another catalog, or a newer state of
// this one, put there may not.
//
// Threads: none; the drive belongs to the caller.
// Errors:  throws Error{wrong_medium} naming both labels, Error{conflict} "... run mixtape
// recover",
//          Error{corrupt} when what is there cannot be understood, and what the drive throws.

namespace mixtape::archive {

// Where the next index goes: over the closing index, if there is one.
struct AppendPoint {
  std::uint64_t block = 0;
  std::uint64_t file = 0;
};

// True when the medium can be labelled: nothing is on it. `begun`: it is in the catalog already, so
// that an unfinished first tape file is our own.
[[nodiscard]] bool is_blank(tapeio::TapeDrive& drive, bool begun);

// Checks a labelled medium as far as the keys at hand allow; without an identity its last index is
// judged by its shape alone, and a note says so. The head stands anywhere afterwards.
[[nodiscard]] AppendPoint check_medium(const WriteContext& context, catalog::Ledger& ledger,
                                       const catalog::Medium& medium, tapeio::TapeDrive& drive,
                                       Reporter& reporter);

}  // namespace mixtape::archive
