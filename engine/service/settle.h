// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "engine/progress/reporter.h"
#include "engine/service/context.h"

// What a run that died left behind.

namespace mixtape::service {

// Where a repack has the contents that it moves.
[[nodiscard]] std::filesystem::path repack_scratch(const home::Home& home);

// Before anything is written: places on media that were planned and are free again, files that a
// release did not come to delete, and contents of a repack, which would fill the disk until
// somebody repacks once more. The caller holds the lock of the writer. What cannot be read or
// removed now stays for the next time; of the former the reporter hears.
void settle_last_run(Context& context, Reporter& reporter);

}  // namespace mixtape::service
