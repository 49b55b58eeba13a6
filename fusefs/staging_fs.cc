// SPDX-License-Identifier: Apache-2.0
#include "fusefs/staging_fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::fusefs {
namespace {

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

void refuse_long(const std::string& name) {
  if (name.size() > NAME_MAX) {
    throw Refusal{ENAMETOOLONG};
  }
}

}  // namespace

StagingFs::StagingFs(staging::Staging& staging)
    : staging_(staging),
      tree_(tapeio::open_file(staging.tree().string(), O_RDONLY | O_DIRECTORY)),
      nodes_(status_of(tree_.get()).key) {
  staging_.drop_half_copies();
  staging_.spare_directories(
      [busy = busy_](staging::Inode directory) { return busy->is_busy(directory); });
}

std::string StagingFs::path_in(std::uint64_t parent, const std::string& name) const {
  const std::string directory = nodes_.path(parent);
  return directory.empty() ? name : directory + "/" + name;
}

Place StagingFs::place(std::uint64_t parent, const std::string& name) const {
  refuse_long(name);
  return {tree_.get(), path_in(parent, name)};
}

tapeio::UniqueFd StagingFs::node(std::uint64_t number) const {
  const StagedKey expected = nodes_.key(number);
  if (nodes_.has_name(number)) {
    try {
      tapeio::UniqueFd found = open_node(Place(tree_.get(), nodes_.path(number)));
      if (status_of(found.get()).key == expected) {
        return found;
      }
    } catch (const Refusal& refusal) {
      if (refusal.error_number != ENOENT && refusal.error_number != ENOTDIR) {
        throw;
      }
    }
  }
  // Removed while it is open.
  tapeio::UniqueFd open = nodes_.any_open(number);
  if (!open.valid()) {
    throw Refusal{ESTALE};
  }
  return open;
}

void StagingFs::follow(std::uint64_t number, const Place& copy, staging::Inode expected) {
  const tapeio::UniqueFd fd(
      ::openat(copy.directory(), copy.path(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) {
    return;  // Removed while the bytes were copied.
  }
  const StagedKey key = status_of(fd.get()).key;
  if (key.inode == expected.number && key != nodes_.key(number)) {
    nodes_.replaced(number, key, [&](const StagedFile& file) {
      return tapeio::UniqueFd(::open(name_of(fd).c_str(), (file.flags & ~O_NOFOLLOW) | O_CLOEXEC));
    });
  }
}

bool StagingFs::must_copy(std::uint64_t number) const {
  const StagedKey key = nodes_.key(number);
  return staging_.in_set(key.device, key.inode);
}

StagingFs::Names StagingFs::hold_to_change(std::uint64_t number, staging::Staging::Bytes bytes,
                                           int access) {
  for (;;) {
    Names names = staging_.hold_names();
    if (!must_copy(number)) {
      return names;
    }
    std::vector<std::string> paths = nodes_.paths(number);
    const StagedKey key = nodes_.key(number);
    std::erase_if(paths, [&](const std::string& path) { return !is_there(path, key); });
    if (paths.empty()) {
      // Removed, while its set is still there: nothing could be put in the place of these bytes.
      throw Refusal{ESTALE};
    }
    checked(::faccessat(AT_FDCWD, name_of(node(number)).c_str(), access, AT_EACCESS));
    names.unlock();
    const auto swapped = [&](staging::Inode, staging::Inode after) {
      for (const std::string& path : paths) {
        follow(number, Place(tree_.get(), path), after);
      }
    };
    staging_.copy_up(paths, bytes, swapped);
  }
}

Attributes StagingFs::shown(const StagedStatus& status) {
  Attributes attributes = status.attributes;
  if (attributes.nlink > 1 && !S_ISDIR(attributes.mode)) {
    const std::size_t taken = staging_.names_in_sets(status.key.device, status.key.inode);
    attributes.nlink -=
        static_cast<std::uint32_t>(std::min<std::size_t>(taken, attributes.nlink - 1));
  }
  return attributes;
}

Found StagingFs::entered(std::uint64_t parent, const std::string& name,
                         const StagedStatus& status) {
  const std::uint64_t number = nodes_.enter(parent, name, status.key);
  return {.node = Node::staging(number).id(),
          .attributes = shown(status),
          .freshness = Freshness::brief};
}

Found StagingFs::lookup(std::uint64_t parent, const std::string& name) {
  const auto names = staging_.hold_names();
  const Place at = place(parent, name);
  try {
    return entered(parent, name, status_of(at.directory(), at.path()));
  } catch (const Refusal& refusal) {
    if (refusal.error_number == ENOENT) {
      nodes_.removed(parent, name);
    }
    throw;
  }
}

Attributes StagingFs::attributes(std::uint64_t number) {
  const auto names = staging_.hold_names();
  return attributes(node(number));
}

Attributes StagingFs::attributes(const tapeio::UniqueFd& node) {
  return shown(status_of(node.get()));
}

std::string StagingFs::read_link(std::uint64_t number) {
  const auto names = staging_.hold_names();
  const tapeio::UniqueFd fd = node(number);
  std::string target(PATH_MAX, '\0');
  const long length = checked(::readlinkat(fd.get(), "", target.data(), target.size()));
  target.resize(static_cast<std::size_t>(length));
  return target;
}

std::vector<Row> StagingFs::list(std::uint64_t number) {
  const auto names = staging_.hold_names();
  tapeio::UniqueFd fd(
      ::openat(node(number).get(), ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  checked(fd.get());
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(fd.get()));
  if (!stream) {
    throw Refusal{errno};
  }
  (void)fd.release();
  std::vector<Row> rows;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      checked(errno == 0 ? 0 : -1);
      return rows;
    }
    Row row;
    row.name = entry->d_name;
    row.inode = staging_inode(entry->d_ino);
    row.mode = static_cast<std::uint32_t>(DTTOIF(entry->d_type));
    if (row.name != "." && row.name != "..") {
      rows.push_back(std::move(row));
    }
  }
}

bool StagingFs::is_there(const std::string& path, const StagedKey& key) const {
  try {
    const Place at(tree_.get(), path);
    return status_of(at.directory(), at.path()).key == key;
  } catch (const Refusal&) {
    return false;  // The kernel asks again and is told why.
  }
}

std::vector<StagedName> StagingFs::take_vanished() {
  std::vector<StagedName> vanished;
  for (StagedName& name : nodes_.names()) {
    const auto names = staging_.hold_names();
    const auto seen = nodes_.find_seen(name);
    if (!seen || !is_there(seen->path, seen->key)) {
      nodes_.removed(name.parent, name.name);
      vanished.push_back(std::move(name));
    }
  }
  return vanished;
}

Found StagingFs::adopt(std::uint64_t parent, const std::string& name, const Place& place,
                       mode_t mode, Caller caller) {
  const tapeio::UniqueFd fd = open_node(place);
  const Attributes directory = status_of(node(parent).get()).attributes;
  const bool inherit_group = (directory.mode & S_ISGID) != 0;
  if (::geteuid() == 0) {
    checked(::fchownat(fd.get(), "", caller.uid, inherit_group ? directory.gid : caller.gid,
                       AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
  }
  const StagedStatus made = status_of(fd.get());
  if (!S_ISLNK(made.attributes.mode)) {
    const mode_t inherited = S_ISDIR(made.attributes.mode) && inherit_group ? S_ISGID : 0;
    checked(::chmod(name_of(fd).c_str(), (mode & 07777) | inherited));
  }
  filled(parent);
  if (S_ISDIR(made.attributes.mode)) {
    busy_->made(inode_of(made.key));
  }
  return entered(parent, name, status_of(fd.get()));
}

Found StagingFs::make_node(std::uint64_t parent, const std::string& name, mode_t type_and_mode,
                           dev_t device, Caller caller) {
  const auto names = staging_.hold_names();
  const Place at = place(parent, name);
  if (S_ISDIR(type_and_mode)) {
    checked(::mkdirat(at.directory(), at.path(), 0700));
  } else {
    checked(::mknodat(at.directory(), at.path(), (type_and_mode & S_IFMT) | 0600, device));
  }
  return adopt(parent, name, at, type_and_mode, caller);
}

Found StagingFs::make_symlink(std::uint64_t parent, const std::string& name,
                              const std::string& target, Caller caller) {
  const auto names = staging_.hold_names();
  const Place at = place(parent, name);
  checked(::symlinkat(target.c_str(), at.directory(), at.path()));
  return adopt(parent, name, at, 0, caller);
}

Found StagingFs::link(std::uint64_t number, std::uint64_t parent, const std::string& name) {
  const auto names = hold_to_change(number, staging::Staging::Bytes::keep);
  const Place at = place(parent, name);
  const tapeio::UniqueFd fd = node(number);
  checked(::linkat(AT_FDCWD, name_of(fd).c_str(), at.directory(), at.path(), AT_SYMLINK_FOLLOW));
  filled(parent);
  return entered(parent, name, status_of(fd.get()));
}

void StagingFs::remove(std::uint64_t parent, const std::string& name, bool directory) {
  const auto names = staging_.hold_names();
  const Place at = place(parent, name);
  checked(::unlinkat(at.directory(), at.path(), directory ? AT_REMOVEDIR : 0));
  nodes_.removed(parent, name);
}

void StagingFs::rename(std::uint64_t from, const std::string& old_name, std::uint64_t to,
                       const std::string& new_name, unsigned flags) {
  const auto names = staging_.hold_names_alone();
  const Place source = place(from, old_name);
  const Place target = place(to, new_name);
  checked(::renameat2(source.directory(), source.path(), target.directory(), target.path(), flags));
  filled(to);
  const bool exchanged = (flags & RENAME_EXCHANGE) != 0;
  staging_.renamed(path_in(from, old_name), path_in(to, new_name), exchanged);
  if (exchanged) {
    nodes_.exchanged(from, old_name, to, new_name);
  } else {
    nodes_.renamed(from, old_name, to, new_name);
  }
}

}  // namespace mixtape::fusefs
