// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine/archive/medium_writer.h"
#include "engine/archive/write_job.h"

// What a job did with a medium, for its report.
//
// Threads: none.

namespace mixtape::archive {

// `use` has what was written since the medium of `writer` was loaded; `closing` is the size of its
// closing index, or 0. Added to what an earlier load in the same job did. Nothing is entered for a
// medium that got nothing.
void enter(MediumUse use, const MediumWriter& writer, std::uint64_t closing,
           std::vector<MediumUse>& media);

// Added to what is there of the same medium.
void add_use(MediumUse use, std::vector<MediumUse>& media);

}  // namespace mixtape::archive
