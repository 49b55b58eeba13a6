// SPDX-License-Identifier: Apache-2.0
#include "fusefs/staging_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

namespace mixtape::fusefs {
namespace {

using Bytes = staging::Staging::Bytes;

// The kernel keeps append positions, O_SYNC and the rest itself; opening must neither create nor
// block.
int flags_for_disk(int flags) {
  return (flags & (O_ACCMODE | O_TRUNC)) | O_NOFOLLOW | O_CLOEXEC;
}

// What open(2) with these flags asks of a file's mode.
int access_for(int flags) {
  const int mode = flags & O_ACCMODE;
  return (mode == O_WRONLY ? 0 : R_OK) | (mode == O_RDONLY && (flags & O_TRUNC) == 0 ? 0 : W_OK);
}

bool changes_content(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
}

// The kernel's own limit for a value and for a list of names.
constexpr std::size_t kMaxXattr = 64 * KiB;

constexpr timespec kLeave{0, UTIME_OMIT};

}  // namespace

void StagingFiles::register_open(StagedFile& file) {
  file.key = status_of(file.fd.get()).key;
  if (file.writing) {
    names_.staging().opened_for_writing(file.key.device, file.key.inode);
  }
  names_.nodes().opened(&file);
}

std::unique_ptr<StagedFile> StagingFiles::open(std::uint64_t number, int flags) {
  const bool writing = changes_content(flags);
  const Bytes bytes = (flags & O_TRUNC) != 0 ? Bytes::drop : Bytes::keep;
  const auto held = writing ? names_.hold_to_change(number, bytes, access_for(flags))
                            : names_.staging().hold_names();
  auto file = std::make_unique<StagedFile>();
  file->node = number;
  file->flags = flags_for_disk(flags) & ~O_TRUNC;
  file->writing = writing;
  const tapeio::UniqueFd node = names_.node(number);
  // Through the descriptor: O_NOFOLLOW would stop at the link that stands for it.
  file->fd.reset(::open(name_of(node).c_str(), flags_for_disk(flags) & ~O_NOFOLLOW));
  checked(file->fd.get());
  register_open(*file);
  return file;
}

std::pair<Found, std::unique_ptr<StagedFile>> StagingFiles::create(std::uint64_t parent,
                                                                   const std::string& name,
                                                                   mode_t mode, int flags,
                                                                   Caller caller) {
  {
    const auto held = names_.staging().hold_names();
    const Place at = names_.place(parent, name);
    auto file = std::make_unique<StagedFile>();
    file->flags = flags_for_disk(flags) & ~O_TRUNC;
    file->fd.reset(
        ::openat(at.directory(), at.path(), flags_for_disk(flags) | O_CREAT | O_EXCL, 0600));
    if (file->fd.valid()) {
      const Found found = names_.adopt(parent, name, at, mode, caller);
      file->node = Node::of(found.node).number;
      file->writing = changes_content(flags);
      register_open(*file);
      return {found, std::move(file)};
    }
    if (errno != EEXIST || (flags & O_EXCL) != 0) {
      throw Refusal{errno};
    }
  }
  const Found found = names_.lookup(parent, name);
  return {found, open(Node::of(found.node).number, flags)};
}

void StagingFiles::closing(const StagedFile& file) {
  if (file.writing) {
    names_.staging().closing_after_writing(file.key.device, file.key.inode);
  }
}

void StagingFiles::release(std::unique_ptr<StagedFile> file) {
  names_.nodes().closed(file.get());
  if (file->writing) {
    names_.staging().closed_after_writing(file->key.device, file->key.inode);
  }
}

std::size_t StagingFiles::read(const StagedFile& file, MutableBytes into, std::uint64_t offset) {
  return static_cast<std::size_t>(
      checked(::pread(file.fd.get(), into.data(), into.size(), static_cast<off_t>(offset))));
}

std::size_t StagingFiles::write(const StagedFile& file, ByteView bytes, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = ::pwrite(file.fd.get(), bytes.data() + done, bytes.size() - done,
                                     static_cast<off_t>(offset + done));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0 && done > 0) {
      return done;
    }
    done += static_cast<std::size_t>(checked(written));
  }
  return done;
}

void StagingFiles::allocate(const StagedFile& file, int mode, off_t offset, off_t length) {
  checked(::fallocate(file.fd.get(), mode, offset, length));
}

off_t StagingFiles::seek(const StagedFile& file, off_t offset, int whence) {
  return checked(::lseek(file.fd.get(), offset, whence));
}

void StagingFiles::sync(const StagedFile& file, bool data_only) {
  checked(data_only ? ::fdatasync(file.fd.get()) : ::fsync(file.fd.get()));
  sync_parents(file.node);
}

void StagingFiles::sync_directory(std::uint64_t number) {
  const auto held = names_.staging().hold_names();
  const tapeio::UniqueFd fd(
      ::openat(names_.node(number).get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  checked(fd.get());
  checked(::fsync(fd.get()));
}

void StagingFiles::sync_parents(std::uint64_t number) {
  const auto held = names_.staging().hold_names();
  if (!names_.nodes().has_name(number)) {
    return;
  }
  std::string path = names_.nodes().path(number);
  while (!path.empty()) {
    const std::size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
    const Place parent(names_.tree().get(), path);
    const tapeio::UniqueFd fd(::openat(parent.directory(), parent.path(),
                                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    checked(fd.get());
    checked(::fsync(fd.get()));
  }
}

Attributes StagingFiles::change(std::uint64_t number, const Changes& changes,
                                const StagedFile* file) {
  // Only where nothing that may be refused comes before the size.
  const bool empties = changes.size == 0 && !changes.mode && !changes.uid && !changes.gid;
  const bool by_mode = changes.size && !(file != nullptr && file->writing);
  const auto held =
      names_.hold_to_change(number, empties ? Bytes::drop : Bytes::keep, by_mode ? W_OK : F_OK);
  const tapeio::UniqueFd node = names_.node(number);
  const std::string path = name_of(node);
  if (changes.mode) {
    checked(::chmod(path.c_str(), *changes.mode & 07777));
  }
  if (changes.uid || changes.gid) {
    // -1 leaves it as it is.
    checked(::chown(path.c_str(), changes.uid.value_or(static_cast<uid_t>(-1)),
                    changes.gid.value_or(static_cast<gid_t>(-1))));
  }
  if (changes.size) {
    const auto size = static_cast<off_t>(*changes.size);
    checked(file != nullptr && file->writing ? ::ftruncate(file->fd.get(), size)
                                             : ::truncate(path.c_str(), size));
  }
  if (changes.atime || changes.mtime) {
    const timespec times[2] = {changes.atime.value_or(kLeave), changes.mtime.value_or(kLeave)};
    checked(::utimensat(AT_FDCWD, path.c_str(), times, 0));
    names_.times_set(number);
  }
  return names_.attributes(node);
}

std::string StagingFiles::xattr(std::uint64_t number, const std::string& name) {
  const auto held = names_.staging().hold_names();
  std::string value(kMaxXattr, '\0');
  const long size = checked(
      ::getxattr(name_of(names_.node(number)).c_str(), name.c_str(), value.data(), value.size()));
  value.resize(static_cast<std::size_t>(size));
  return value;
}

std::string StagingFiles::xattr_names(std::uint64_t number) {
  const auto held = names_.staging().hold_names();
  std::string names(kMaxXattr, '\0');
  const long size =
      checked(::listxattr(name_of(names_.node(number)).c_str(), names.data(), names.size()));
  names.resize(static_cast<std::size_t>(size));
  return names;
}

void StagingFiles::set_xattr(std::uint64_t number, const std::string& name, ByteView value,
                             int flags) {
  const auto held = names_.hold_to_change(number, Bytes::keep);
  checked(::setxattr(name_of(names_.node(number)).c_str(), name.c_str(), value.data(), value.size(),
                     flags));
}

void StagingFiles::remove_xattr(std::uint64_t number, const std::string& name) {
  const auto held = names_.hold_to_change(number, Bytes::keep);
  checked(::removexattr(name_of(names_.node(number)).c_str(), name.c_str()));
}

struct statvfs StagingFiles::space() {
  struct statvfs space {};
  checked(::fstatvfs(names_.tree().get(), &space));
  return space;
}

}  // namespace mixtape::fusefs
