// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/archive/record.h"
#include "engine/archive/scan.h"
#include "engine/archive/write_job.h"
#include "engine/progress/reporter.h"
#include "engine/service/changed_paths.h"
#include "engine/service/context.h"

// From "the policy asks for more copies" to items for a write job: what backup and flush share.

namespace mixtape::service {

struct Source {
  std::string path;
  archive::SourceState state;
};
// The file at `path` when it still is what the version says.
[[nodiscard]] std::optional<Source> source_at(const std::string& path,
                                              const catalog::Version& version);

struct NeededItems {
  std::vector<archive::Item> items;
  // Wanted on more media, but their bytes are not on this machine (any more): the source changed or
  // is gone.
  std::uint64_t out_of_reach = 0;
  std::vector<std::string> out_of_reach_paths;  // The first ones.
  archive::Troubles troubles;  // Their files are here and refuse to be read; the reporter heard it.
  ChangedPaths changed;        // By the scan, or shown once the items are written.
};

// Every content that the policy wants on more media and whose bytes are here, and what `scan` found
// without content (directories, symlinks, empty files), so that plain tar restores a faithful tree.
//
// Bytes are looked for where `scan` found its paths, at the path itself, and in the cache (staged
// files that wait for another copy). An archive keeps the place of a file that turns out to be
// unreadable, so that is asked before: may it be opened; and, of what came to a medium as a bad
// copy, can it be read from its beginning to its end. What a flush took and could not write, and
// what is in staging no more, leaves the catalog. Errors: Error{cancelled}.
[[nodiscard]] NeededItems needed_items(Context& context, const archive::Scan& scan,
                                       Reporter& reporter);

// Whether a job has anything to do: a scan recorded something, or some medium here can take some
// item. Otherwise `outcome` tells what no medium can take; such a run leaves no trace.
[[nodiscard]] bool worth_a_job(const archive::Recorded& recorded, const NeededItems& needed,
                               archive::WriteJob& write,
                               std::span<tapeio::Library* const> libraries,
                               archive::WriteOutcome& outcome);

}  // namespace mixtape::service
