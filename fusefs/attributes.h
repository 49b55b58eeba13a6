// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "engine/catalog/types.h"
#include "fusefs/node.h"

// Attributes of catalog nodes.

namespace mixtape::fusefs {

[[nodiscard]] bool is_directory(const catalog::Version& version);

// What the kernel and ls(1) ask every file for: security.* and ACLs.
[[nodiscard]] bool is_access_xattr(std::string_view name);

// As the version was found on its source; ctime and atime are its mtime.
[[nodiscard]] Attributes attributes_of(const catalog::Version& version);

// A directory that the mount makes up.
[[nodiscard]] Attributes made_up_directory(NodeId node, std::int64_t mtime_ns);

// What a view shows at some path: a file by its version, a directory by its node in the view.
[[nodiscard]] Found found_version(const catalog::Version& version, const Node& as_directory);

}  // namespace mixtape::fusefs
