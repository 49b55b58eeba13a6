// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog/children.h"

// A view in archive order: a directory's non-directories in byte order, then its subdirectories in
// byte order, each followed by what is below it. Private to this room.
//
// Memory: the subdirectories on the way down that are still to be visited; never files.

namespace mixtape::catalog {

class DepthFirst {
 public:
  DepthFirst(Database& database, VersionReader& reader, std::int64_t as_of)
      : children_(database), reader_(reader), as_of_(as_of) {}

  // Calls `each(path, versions)` for all names with versions below `start`, whose path is
  // `start_path`; subdirectories are those that the view shows. `each` returns false to stop.
  template <typename Each>
  void below(PathId start, const std::string& start_path, Each&& each) {
    below(start, start_path, each, [](std::int64_t) { return true; });
  }
  // The same without what is below directories of which `enter(path number)` is false: they are
  // told, and not looked into.
  template <typename Each, typename Enter>
  void below(PathId start, const std::string& start_path, Each&& each, Enter&& enter) {
    std::vector<Directory> pending;
    std::string path = start_path;
    if (!enter(number(start)) || !files_of({number(start), start_path, {}}, pending, path, each)) {
      return;
    }
    while (!pending.empty()) {
      const Directory directory = std::move(pending.back());
      pending.pop_back();
      path = directory.path;
      if (!each(path, directory.versions) ||
          (enter(directory.id) && !files_of(directory, pending, path, each))) {
        return;
      }
    }
  }

 private:
  struct Directory {
    std::int64_t id;
    std::string path;
    std::vector<VersionRow> versions;
  };

  template <typename Each>
  bool files_of(const Directory& directory, std::vector<Directory>& pending, std::string& path,
                Each&& each) {
    bool more = true;
    const std::size_t first_pending = pending.size();
    path = directory.path;
    if (!path.empty()) {
      path += '/';
    }
    const std::size_t prefix = path.size();
    children_.read(directory.id, as_of_,
                   [&](const std::string& name, const std::vector<VersionRow>& versions) {
                     path.resize(prefix);
                     path += name;
                     const VersionRow* const visible = shown(versions, as_of_);
                     if (visible != nullptr && reader_.is_directory(*visible)) {
                       pending.push_back({visible->path, path, versions});
                     } else {
                       more = each(path, versions);
                     }
                     return more;
                   });
    // The last one is visited first.
    std::reverse(pending.begin() + static_cast<std::ptrdiff_t>(first_pending), pending.end());
    return more;
  }

  Children children_;
  VersionReader& reader_;
  std::int64_t as_of_;
};

}  // namespace mixtape::catalog
