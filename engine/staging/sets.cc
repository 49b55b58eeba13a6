// SPDX-License-Identifier: Apache-2.0
#include "engine/staging/sets.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "engine/staging/copy.h"
#include "tapeio/error.h"

namespace mixtape::staging {
namespace {

std::string below(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "/" + name;
}

}  // namespace

Sets::Taken Sets::take_files(const std::string& set, int from, int to, const std::string& path,
                             const std::vector<Child>& children) {
  Taken result;
  for (const Child& child : children) {
    if (child.is_directory()) {
      continue;
    }
    const Inode inode = inode_of(child.status);
    if (S_ISSOCK(child.status.st_mode) || files_.is_open(inode)) {
      result.left = true;
      if (!S_ISSOCK(child.status.st_mode)) {
        result.open.add({.files = 1, .first = {below(path, child.name)}});
      }
      continue;
    }
    changes_.announce();
    if (::linkat(from, child.name.c_str(), to, child.name.c_str(), 0) != 0) {
      throw_errno("take staged " + below(path, child.name));
    }
    files_.taken(set, inode, below(path, child.name), child.status.st_nlink > 1);
    result.some = true;
  }
  return result;
}

Sets::Taken Sets::take_directory(const std::string& set, int from, int to,
                                 const std::string& path) {
  Taken result;
  std::vector<Child> children;
  {
    const std::unique_lock lock(names_);
    children = children_of(from);
    result = take_files(set, from, to, path, children);
  }
  for (const Child& child : children) {
    const auto source = child.is_directory() ? find_directory(from, child.name) : std::nullopt;
    if (!source) {
      continue;
    }
    changes_.announce();
    const tapeio::UniqueFd target = make_directory(to, child.name);
    const Taken inner = take_directory(set, source->get(), target.get(), below(path, child.name));
    result.left = result.left || inner.left;
    result.open.add(inner.open);
    if (inner.some || !inner.left) {
      copy_metadata(source->get(), target.get());
      result.some = true;
    } else {
      changes_.unlink(to, child.name, AT_REMOVEDIR);
    }
  }
  return result;
}

void Sets::remove_taken(int from, int set, const Busy& busy) {
  const std::vector<Child> children = children_of(set);
  {
    const std::unique_lock lock(names_);
    const MadeWritable writable(from);
    for (const Child& child : children) {
      const auto staged = child.is_directory() ? std::nullopt : status_of(from, child.name);
      if (staged && inode_of(*staged) == inode_of(child.status)) {
        changes_.unlink(from, child.name);
      }
    }
  }
  for (const Child& child : children) {
    const auto inner = child.is_directory() ? find_directory(set, child.name) : std::nullopt;
    const auto staged = inner ? find_directory(from, child.name) : std::nullopt;
    if (!staged) {
      continue;
    }
    remove_taken(staged->get(), inner->get(), busy);
    struct stat status {};
    if (busy && children_of(staged->get()).empty() && ::fstat(staged->get(), &status) == 0 &&
        busy(inode_of(status))) {
      continue;
    }
    const std::unique_lock lock(names_);
    const MadeWritable writable(from);
    changes_.announce();
    if (::unlinkat(from, child.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOTEMPTY &&
        errno != EEXIST && errno != ENOENT) {
      throw_errno("remove staged directory " + child.name);
    }
  }
}

void Sets::clear(const std::string& set, int directory_fd) {
  const MadeWritable writable(directory_fd);
  for (const Child& child : children_of(directory_fd)) {
    if (child.is_directory()) {
      if (const auto inner = find_directory(directory_fd, child.name)) {
        clear(set, inner->get());
      }
      changes_.unlink(directory_fd, child.name, AT_REMOVEDIR);
    } else {
      const std::unique_lock lock(names_);
      changes_.unlink(directory_fd, child.name);
      files_.dropped(set, inode_of(child.status));
    }
  }
}

void Sets::remember_below(const std::string& set, int directory_fd, const std::string& path) {
  for (const Child& child : children_of(directory_fd)) {
    if (!child.is_directory()) {
      // Its name in the tree and the one in the set make two.
      files_.taken(set, inode_of(child.status), below(path, child.name), child.status.st_nlink > 2);
    } else if (const auto fd = find_directory(directory_fd, child.name)) {
      remember_below(set, fd->get(), below(path, child.name));
    }
  }
}

Sets::Taken Sets::take(const std::string& set, int into) {
  return take_directory(set, tree_, into, "");
}

void Sets::remove(const std::string& set, const std::string& directory) {
  if (const auto found = find_directory(flushing_, directory)) {
    clear(set, found->get());
    changes_.unlink(flushing_, directory, AT_REMOVEDIR);
  }
  sync_directory(flushing_);
  files_.forget_set(set);
}

void Sets::remember(const std::string& set) {
  if (const auto directory = find_directory(flushing_, set)) {
    remember_below(set, directory->get(), "");
  }
}

}  // namespace mixtape::staging
