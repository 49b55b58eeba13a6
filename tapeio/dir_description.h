// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tapeio/dir_layout.h"

// The description in a directory that is a medium, on its disk. Writing needs it; for reading it is
// a hint, and what it says is found in the tape files where it is lost.
//
// Threads: none; free functions.
// Errors:  throw Error{not_found, corrupt, unsupported, io}.

namespace mixtape::tapeio {

[[nodiscard]] MediumDescription read_medium_description(const std::string& medium_path);
// The same for reading: where the description is lost or damaged, what the tape files tell. Throws
// what read_medium_description() does when they do not look like ours either.
[[nodiscard]] MediumDescription description_for_reading(const std::string& medium_path);
// Why the description is not what it should be and what to do, for people; empty when it is.
[[nodiscard]] std::string trouble_of_description(const std::string& medium_path);
// Whether the directory is a medium: by its description or, without one, by its tape files.
[[nodiscard]] bool is_disk_medium(const std::string& medium_path);
// Makes the directory a medium, or changes what it says of itself; durable in one step.
void write_medium_description(const std::string& medium_path, const MediumDescription& description);

}  // namespace mixtape::tapeio
