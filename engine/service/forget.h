// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/progress/reporter.h"
#include "engine/service/changed_paths.h"
#include "engine/service/context.h"

// Taking paths out of `latest`. History, snapshots and media keep them.

namespace mixtape::service {

struct ForgetResult {
  std::uint64_t paths = 0;         // Files and directories that left `latest`.
  std::vector<std::string> media;  // That carry the news already.
  ChangedPaths changed;
};

// `paths` as the catalog has them; a directory goes with all that is below it. Error{not_found},
// before anything changes, for a path that is not in `latest`. A closing index carries the change
// to a medium when one is here. `dry_run`: only finds what would leave.
ForgetResult forget(Context& context, const std::vector<std::string>& paths,
                    const std::string& command, Reporter& reporter, bool dry_run = false);

}  // namespace mixtape::service
