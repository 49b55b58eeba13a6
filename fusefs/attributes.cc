// SPDX-License-Identifier: Apache-2.0
#include "fusefs/attributes.h"

#include <sys/stat.h>

#include "fusefs/rows.h"

namespace mixtape::fusefs {

bool is_directory(const catalog::Version& version) {
  return S_ISDIR(version.metadata.mode);
}

bool is_access_xattr(std::string_view name) {
  return name.starts_with("security.") || name.starts_with("system.posix_acl_");
}

Attributes attributes_of(const catalog::Version& version) {
  const catalog::Metadata& metadata = version.metadata;
  Attributes attributes;
  attributes.inode = version.inode;
  attributes.mode = metadata.mode;
  // One link tells find(1) not to count subdirectories by it.
  attributes.nlink = S_ISDIR(metadata.mode) ? 1 : metadata.nlink;
  attributes.uid = metadata.uid;
  attributes.gid = metadata.gid;
  attributes.device = metadata.device;
  attributes.size = S_ISLNK(metadata.mode) ? metadata.symlink_target.size() : version.size;
  attributes.blocks = blocks_of(attributes.size);
  attributes.mtime_ns = attributes.ctime_ns = attributes.atime_ns = metadata.mtime_ns;
  return attributes;
}

Attributes made_up_directory(NodeId node, std::int64_t mtime_ns) {
  Attributes attributes;
  attributes.inode = own_inode(node);
  attributes.mode = S_IFDIR | 0755;
  attributes.mtime_ns = attributes.ctime_ns = attributes.atime_ns = mtime_ns;
  return attributes;
}

Found found_version(const catalog::Version& version, const Node& as_directory) {
  const Node node = is_directory(version) ? as_directory : Node::version(version.key);
  Found found{.node = node.id(),
              .attributes = attributes_of(version),
              .freshness = freshness_in(as_directory)};
  if (node.kind == NodeKind::bundle) {
    found.attributes.inode = own_inode(found.node);
  }
  return found;
}

}  // namespace mixtape::fusefs
