// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "engine/catalog/ledger.h"
#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "engine/service/verdicts.h"
#include "engine/service/verify.h"
#include "tapeio/tape_drive.h"

// Single copies read again: those of a sample, or of a path.

namespace mixtape::service {

struct CopyToRead {
  catalog::Bundle bundle;
  catalog::Ledger::Held held;
};

// The first and the last copy on a medium, `count` of the others at random, and `count` of those
// that were not verified for longest; each once.
// Cost: one pass over the copies on the medium; 24 bytes of memory for each.
[[nodiscard]] std::vector<CopyToRead> sample_of(Context& context, const catalog::Medium& medium,
                                                std::uint32_t count, std::uint64_t seed);

// Reads them in the order of the tape, past those that are damaged.
// Errors: throws what the drive throws when it is the drive that fails, Error{cancelled,
//         not_permitted}. What was found until then is in the verdicts.
void read_copies(Context& context, const catalog::Medium& medium,
                 std::unique_ptr<tapeio::TapeDrive> drive, std::vector<CopyToRead> copies,
                 VerifiedMedium& result, Verdicts& verdicts, Reporter& reporter);

}  // namespace mixtape::service
