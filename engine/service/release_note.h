// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/catalog/types.h"
#include "engine/home/home.h"
#include "engine/service/context.h"

// A batch of files that release is about to delete, on this disk beside the catalog. In the catalog
// they belong to no scan any more before they go, or the next scan would take them for deleted; a
// release that died in between leaves some that are still here, and those belong to their scans
// again.
//
// Threads: none; the caller holds the lock of the writer.

namespace mixtape::service {

struct ReleasingFile {
  std::string path;  // As the catalog has it.
  catalog::RootId origin;
};

// Durable when it returns.
void note_releasing(const home::Home& home, const std::vector<ReleasingFile>& batch);
// It came through. What cannot be removed says nothing of files that are gone.
void forget_releasing(const home::Home& home);
// What is noted and still here as it was belongs to its scan again. Cost: nothing when nothing
// died.
void take_back_releasing(Context& context);

}  // namespace mixtape::service
