// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/archive/record.h"
#include "engine/archive/write_job.h"
#include "engine/progress/reporter.h"
#include "engine/service/changed_paths.h"
#include "engine/service/context.h"
#include "engine/staging/staging.h"
#include "tapeio/library.h"

// Flush: what was staged goes to media and shows in `latest`; staging is empty afterwards, but for
// directories that somebody is just filling through the mount.
//
// Files still open for writing stay for the next flush. Bytes leave the disk only when they are on
// as many media, and in as many places, as the policy asks for; until then the cache keeps them
// pinned. When some file
// could not be written at all, everything stays staged; the next flush does not write again what is
// on a medium already.
//
// Errors: as backup. After an error or a crash nothing has left staging that is not in the catalog.

namespace mixtape::service {

struct FlushResult {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  archive::Recorded recorded;
  archive::WriteOutcome written;
  std::vector<archive::Trouble> troubles;
  std::uint64_t pinned_files = 0;  // On fewer media than wanted; kept in the cache.
  staging::LeftOpen left_open;     // Files somebody writes still: for the next flush.
  bool still_staged = false;       // Something could not be written: all of it is staged as before.
  std::optional<catalog::Job> job;  // Absent: nothing was staged.
  ChangedPaths changed;
  bool dry_run = false;
};

// `dry_run`: everything but writing, with the same numbers; all of it is staged as before. What is
// staged is taken and given back for that, so that it is the very files. `for_people`: whether it
// waits until somebody has put a tape into a drive that is fed by hand.
[[nodiscard]] FlushResult flush(Context& context, const std::string& command, Reporter& reporter,
                                bool dry_run = false,
                                tapeio::ForPeople for_people = tapeio::ForPeople::fail);

}  // namespace mixtape::service
