// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/home/home.h"
#include "engine/progress/reporter.h"
#include "engine/service/context.h"

// Files that release is about to delete, on this disk beside the catalog. In the catalog they
// belong to no scan any more before they go, or the next scan would take them for deleted; a
// release that died in between leaves some that are still here, and those belong to their scans
// again.
//
// Roots are noted by their paths: their numbers are others in a catalog that was recovered. So the
// note may outlive a recovery, and its loss at any point of one; what the catalog says by then of
// an entry decides.
//
// Threads: none; the caller holds the lock of the writer.

namespace mixtape::service {

// As the catalog has them.
struct ReleasingFile {
  std::string path;
  std::string root;
};

// What is noted. Throws Error, which says what to do, when it cannot be read: it stays then.
[[nodiscard]] std::vector<ReleasingFile> noted_releasing(const home::Home& home);
// In the place of what was noted. Durable when it returns.
void note_releasing(const home::Home& home, const std::vector<ReleasingFile>& files);
// It came through, but for `still` of before. What cannot be changed says nothing of files that are
// gone.
void forget_releasing(const home::Home& home, const std::vector<ReleasingFile>& still);
// Of what is noted, what is here as it was belongs to its scan again; what is deleted is in
// `latest` by right. What cannot be told now, since its disk is not mounted or a scan has to look
// at it first, stays noted and is returned. The reporter hears of roots that the catalog lacks.
// Cost: nothing when nothing died.
std::vector<ReleasingFile> take_back_releasing(Context& context,
                                               const std::vector<ReleasingFile>& noted,
                                               Reporter& reporter);

}  // namespace mixtape::service
