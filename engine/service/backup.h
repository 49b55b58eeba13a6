// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/archive/record.h"
#include "engine/archive/scan.h"
#include "engine/archive/write_job.h"
#include "engine/progress/reporter.h"
#include "engine/service/changed_paths.h"
#include "engine/service/context.h"
#include "tapeio/library.h"

// Backup: scan, hash, record, write what the policy asks for.
//
// Errors: throws Error{invalid, not_found} for a root before anything is changed; what the archive
// room throws.
//         A single bad file is in the result, never an error. After an error or a crash the same
//         call finishes the work.

namespace mixtape::service {

struct BackupRequest {
  std::vector<std::string> roots;             // Absolute.
  std::vector<std::string> include, exclude;  // Added to those of the configuration.
  bool one_file_system = false;
  // Whether it waits until somebody has put a tape into a drive that is fed by hand.
  tapeio::ForPeople for_people = tapeio::ForPeople::fail;
  bool dry_run = false;  // Everything but writing: the same numbers, nothing changed.
  std::string command;   // As typed; recorded with the job.
};

struct Seconds {
  double scan = 0, hash = 0, record = 0, write = 0;
};

struct BackupResult {
  std::uint64_t files = 0, directories = 0, others = 0;  // Looked at.
  std::uint64_t bytes = 0;
  std::uint64_t skipped = 0;
  std::uint64_t hashed_bytes = 0;
  std::vector<archive::Trouble>
      troubles;                     // Unreadable, or changed while they were read: some of them.
  std::uint64_t trouble_count = 0;  // All of them.
  archive::Recorded recorded;
  archive::WriteOutcome written;
  std::uint64_t out_of_reach = 0;               // Wanted on more media, but the bytes are not here.
  std::vector<std::string> out_of_reach_paths;  // The first ones.
  std::optional<catalog::Job> job;              // Absent: nothing had changed.
  ChangedPaths changed;
  Seconds seconds;
};

[[nodiscard]] BackupResult backup(Context& context, const BackupRequest& request,
                                  Reporter& reporter);

// Why backup would take or leave a path; reads nothing but the directories above it.
[[nodiscard]] std::string explain_backup(Context& context, const BackupRequest& request,
                                         const std::string& path);

}  // namespace mixtape::service
