// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "tapeio/bytes.h"

// Copies of single files with all their metadata.
//
// Errors: throws Error as throw_errno does. What this user may not set (owners, security.*) stays
// as it is.

namespace mixtape::staging {

// Mode, owner, xattrs (ACLs with them) and times from one open file or directory to another.
void copy_metadata(int from, int to);

// Copies the non-directory that `node` (O_PATH) stands for, known to people as `name`, to the new
// name `copy` below `target`.
// Regular files are durable on return; without `with_bytes` they are empty. Bytes that cannot be
// shared are copied only while kCopyReserve stays free, else Error{no_space} before the first one.
inline constexpr std::uint64_t kCopyReserve = 64 * MiB;
void copy_file(int node, const std::string& name, int target, const std::string& copy,
               bool with_bytes);

}  // namespace mixtape::staging
