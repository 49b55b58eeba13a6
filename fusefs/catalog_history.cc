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

// Every version of a path with the name it has among the versions and the children there.
void each_version(Readers& readers, Reader& reader, catalog::PathId path,
                  const std::function<bool(const std::string& name, const Version&)>& each) {
  const std::string whole = reader.tree.path_of(path);
  const std::string file_name = whole.substr(whole.rfind('/') + 1);
  const auto taken = [&](const std::string& name) {
    return reader.tree.find_child(path, name).has_value();
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
  const Node node = Node::history(path);
  Found found{.node = node.id(), .attributes = made_up_directory(node.id(), 0)};
  const std::vector<Version> versions = reader.tree.history(path);
  if (!versions.empty()) {
    const catalog::Metadata& newest = versions.back().metadata;
    found.attributes.mode = directory_mode(versions.back());
    found.attributes.uid = newest.uid;
    found.attributes.gid = newest.gid;
    found.attributes.mtime_ns = found.attributes.ctime_ns = found.attributes.atime_ns =
        newest.mtime_ns;
    return found;
  }
  bool has_children = path == catalog::kRootPath;
  reader.tree.names(path, [&](const catalog::Tree::Name&) {
    has_children = true;
    return false;
  });
  // What no medium holds yet is not history.
  return has_children ? std::optional(found) : std::nullopt;
}

std::optional<Found> CatalogFs::lookup_history(Reader& reader, catalog::PathId parent,
                                               std::string_view name) {
  if (const auto child = reader.tree.find_child(parent, name)) {
    return history_directory(reader, *child);
  }
  std::optional<Found> found;
  if (parent != catalog::kRootPath && may_name_version(name)) {
    each_version(readers_, reader, parent, [&](const std::string& one, const Version& version) {
      if (one == name) {
        found = show(version, Node::history(parent));
      }
      return !found.has_value();
    });
  }
  return found;
}

void CatalogFs::list_history(Reader& reader, catalog::PathId parent, Rows& rows) {
  if (parent != catalog::kRootPath) {
    each_version(readers_, reader, parent, [&](const std::string& name, const Version& version) {
      const Found found = show(version, Node::history(parent));
      rows.add(name, found.node, found.attributes);
      return true;
    });
  }
  std::vector<catalog::Tree::Name> names;
  reader.tree.names(parent, [&](const catalog::Tree::Name& name) {
    if (is_showable(name.name)) {
      names.push_back(name);
    }
    return true;
  });
  for (const catalog::Tree::Name& name : names) {
    if (name.has_children || name.has_versions || history_directory(reader, name.path)) {
      const NodeId node = Node::history(name.path).id();
      rows.add(name.name, node, own_inode(node), S_IFDIR);
    }
  }
}

}  // namespace mixtape::fusefs
