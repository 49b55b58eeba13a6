// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// Copies of single files with all their metadata.
//
// Errors: throws Error as throw_errno does. What this user may not set (owners, security.*) stays
// as it is.

namespace mixtape::staging {

// Mode, owner, xattrs (ACLs with them) and times from one open file or directory to another.
void copy_metadata(int from, int to);

// Copies the non-directory `name` below `directory` to the new name `copy` below `target`. Regular
// files are durable on return; without `with_bytes` they are empty.
void copy_file(int directory, const std::string& name, int target, const std::string& copy,
               bool with_bytes);

}  // namespace mixtape::staging
