// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fusefs/reply.h"

// The callbacks of libfuse, in the order of fuse_lowlevel.h: each unpacks its request, asks the
// room's classes and replies. What they mean is in CatalogFs, StagingFs and StagingFiles.

namespace mixtape::fusefs {

// Callbacks by what they are about; each of these files fills in its own.
void add_name_operations(fuse_lowlevel_ops& operations);
void add_file_operations(fuse_lowlevel_ops& operations);
void add_directory_operations(fuse_lowlevel_ops& operations);
void add_xattr_operations(fuse_lowlevel_ops& operations);

[[nodiscard]] fuse_lowlevel_ops all_operations();

}  // namespace mixtape::fusefs
