// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "tools/command.h"

// Handing a command line to the daemon that has the home mounted.

namespace mixtape::tools {

// The exit status of the command as the daemon ran it; nullopt when no daemon answers for this
// home. Ctrl-C (console.stop()) is passed on; the daemon then stops the command and says so.
// Errors: throws Error{io} when the daemon went away in the middle.
std::optional<int> run_in_daemon(const std::filesystem::path& home, const Invocation& invocation,
                                 Console& console);

}  // namespace mixtape::tools
