// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/archive/write_job.h"
#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "tapeio/library.h"

// Repack: what is alive on a medium is written to others, and the medium is retired.
//
// Alive is what service/alive.h says: a content that would have too few copies, or too near to each
// other, were the medium retired, and one that no other medium in use is known to hold. It is read
// in the order of the tape, in batches that fit onto this disk, proved by its hash, and written to
// other media in bundles like any other; where its copy on the medium is damaged, it is read from
// another one. So one drive is enough. Nothing is changed on the medium itself.
//
// Each batch is a job of its own: what was written is in the catalog whatever happens afterwards,
// and the next repack goes on with what is left. The medium is retired when nothing alive is left
// on it.
//
// Errors: throws Error{not_found} for a label that the catalog does not know, Error{no_medium} for
//         a lost medium, Error{cancelled, no_space}, and what the archive room throws. What could
//         not be moved is in the result.
// Disk:   at most `budget_bytes` in the home's scratch directory, gone when this returns or at the
//         latest with the next job.

namespace mixtape::service {

struct RepackRequest {
  std::string label;
  // At most so much of the medium is on this disk at once; unset: half of what is free.
  std::optional<std::uint64_t> budget_bytes;
  std::uint64_t most_files_at_once = 100'000;
  tapeio::ForPeople for_people = tapeio::ForPeople::fail;
  bool dry_run = false;  // The same numbers; nothing moves or changes.
  std::string command;   // As typed; recorded with the jobs.
};

struct RepackResult {
  std::uint64_t files = 0, bytes = 0;  // Contents that were alive on it, and their sizes.
  std::uint64_t batches = 0;
  archive::WriteOutcome written;  // Of all batches; each copy counted.
  // Alive on it still, and why; the first ones by a path that has it, as the catalog has that.
  std::vector<archive::ItemTrouble> left;
  std::uint64_t left_files = 0, left_bytes = 0;
  bool retired = false;      // It is now; dry run: it would be.
  bool was_retired = false;  // Before.
  // dry run: what reading, writing and changing tapes takes by the published figures of their
  // generations, where all are LTO cartridges.
  std::optional<double> minutes;
};

[[nodiscard]] RepackResult repack(Context& context, const RepackRequest& request,
                                  Reporter& reporter);

}  // namespace mixtape::service
