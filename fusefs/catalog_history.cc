// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <vector>

#include "fusefs/attributes.h"
#include "fusefs/catalog_fs.h"
#include "fusefs/names.h"

// history/: every path that ever was. A file is a directory of its versions; a path that was both a
// file and a directory has its children and its versions side by side.

namespace mixtape::fusefs {
namespace {

using catalog::Version;

// Who may read the newest version may list its predecessors.
std::uint32_t directory_mode(const Version& newest) {
  const std::uint32_t mode = newest.metadata.mode;
  if (S_ISDIR(mode)) {
    return mode;
  }
  const std::uint32_t readable = S_ISLNK(mode) ? 0444 : mode & 0444;
  return S_IFDIR | readable | (readable >> 2);
}

// The directory of all versions of a path, given the newest.
Found versions_directory(const Version& newest) {
  const NodeId node = Node::history(newest.key.path).id();
  Found found{.node = node, .attributes = made_up_directory(node, newest.metadata.mtime_ns)};
  found.attributes.mode = directory_mode(newest);
  found.attributes.uid = newest.metadata.uid;
  found.attributes.gid = newest.metadata.gid;
  return found;
}

// Every version of a path with the name it has among the versions and the children there.
void each_version(Readers& readers, Reader& reader, catalog::PathId path, bool has_children,
                  const std::function<bool(const std::string& name, const Version&)>& each) {
  const std::string file_name = reader.tree.name_of(path);
  const auto taken = [&](const std::string& name) {
    return has_children && reader.tree.find_child(path, name).has_value();
  };
  for (const Version& version : reader.tree.history(path)) {
    // The version of a job under way gets its name when that job is finished.
    const auto started_s =
        is_directory(version) ? std::nullopt : readers.started_s(reader, version.key.first_job);
    if (started_s && !each(version_name(file_name, version, *started_s, taken), version)) {
      return;
    }
  }
}

}  // namespace

std::optional<Found> CatalogFs::history_directory(Reader& reader, catalog::PathId path) {
  if (const auto newest = reader.tree.newest(path)) {
    return versions_directory(*newest);
  }
  const NodeId node = Node::history(path).id();
  bool has_children = path == catalog::kRootPath;
  reader.tree.names(path, [&](const catalog::Tree::Name&) {
    has_children = true;
    return false;
  });
  // What no medium holds yet is not history.
  return has_children ? std::optional(Found{.node = node, .attributes = made_up_directory(node, 0)})
                      : std::nullopt;
}

std::optional<Found> CatalogFs::lookup_history(Reader& reader, catalog::PathId parent,
                                               std::string_view name) {
  const catalog::Tree::Look look(reader.tree);
  if (const auto child = reader.tree.find_child(parent, name)) {
    return history_directory(reader, *child);
  }
  std::optional<Found> found;
  if (parent != catalog::kRootPath && may_name_version(name)) {
    const auto take = [&](const std::string& one, const Version& version) {
      if (one == name) {
        found = show(version, Node::history(parent));
      }
      return !found.has_value();
    };
    each_version(readers_, reader, parent, reader.tree.has_names(parent), take);
  }
  return found;
}

void CatalogFs::list_history(Reader& reader, catalog::PathId parent, Rows& rows) {
  const catalog::Tree::Look look(reader.tree);
  // Nearly every file is alone: nothing is asked of what it has not.
  const bool has_children = reader.tree.has_names(parent);
  if (parent != catalog::kRootPath) {
    const auto add = [&](const std::string& name, const Version& version) {
      const Found found = show(version, Node::history(parent));
      rows.add(name, found.node, found.attributes);
      return true;
    };
    each_version(readers_, reader, parent, has_children, add);
  }
  if (!has_children) {
    return;
  }
  reader.tree.ever(parent, [&](const catalog::Entry& entry) {
    if (is_showable(entry.name)) {
      const Found found = versions_directory(entry.version);
      rows.add(entry.name, found.node, found.attributes);
    }
    return true;
  });
  for (const auto& [name, path] : reader.tree.never_written(parent)) {
    if (is_showable(name)) {
      const NodeId node = Node::history(path).id();
      rows.add(name, node, own_inode(node), S_IFDIR);
    }
  }
}

}  // namespace mixtape::fusefs
