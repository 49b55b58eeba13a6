// SPDX-License-Identifier: Apache-2.0
#include "engine/staging/copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <vector>

#include "tapeio/bytes.h"
#include "tapeio/error.h"
#include "tapeio/unique_fd.h"

namespace mixtape::staging {
namespace {

// The kernel's own limits for one list of names and for one value.
constexpr std::size_t kMaxXattrList = 64 * KiB;
constexpr std::size_t kMaxXattrValue = 64 * KiB;
constexpr std::uint64_t kStatBlock = 512;

void copy_xattrs(int from, int to) {
  std::vector<char> names(kMaxXattrList);
  const ssize_t length = ::flistxattr(from, names.data(), names.size());
  if (length < 0) {
    if (errno == ENOTSUP) {
      return;
    }
    throw_errno("list xattrs of staged file");
  }
  std::vector<char> value(kMaxXattrValue);
  for (const char* name = names.data(); name < names.data() + length;
       name += std::strlen(name) + 1) {
    const ssize_t size = ::fgetxattr(from, name, value.data(), value.size());
    if (size >= 0 && ::fsetxattr(to, name, value.data(), static_cast<std::size_t>(size), 0) != 0 &&
        errno != EPERM && errno != ENOTSUP && errno != EACCES) {
      throw_errno(std::string("set xattr ") + name);
    }
  }
}

void copy_range(int from, int to, const std::string& name, off_t begin, off_t end) {
  off_t in = begin;
  off_t out = begin;
  while (in < end) {
    const ssize_t copied =
        ::copy_file_range(from, &in, to, &out, static_cast<std::size_t>(end - in), 0);
    if (copied < 0 && errno != EINTR) {
      throw_errno("copy staged " + name);
    }
    if (copied == 0) {
      return;
    }
  }
}

// The catalog lives on this disk too: a copy must not take its last bytes.
void check_room(int to, const std::string& name, const struct stat& status) {
  struct statvfs space {};
  if (::fstatvfs(to, &space) != 0) {
    throw_errno("look for room for a copy of staged " + name);
  }
  const std::uint64_t allocated = static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
  const std::uint64_t wanted = std::min(static_cast<std::uint64_t>(status.st_size), allocated);
  if (wanted + kCopyReserve > std::uint64_t{space.f_bavail} * space.f_frsize) {
    throw Error(ErrorCode::no_space,
                "copy staged " + name +
                    ", which a flush is writing: the disk would have less than " +
                    std::to_string(kCopyReserve / MiB) +
                    " MiB left; free some, or change the file after the flush");
  }
}

// Data ranges only, so that a sparse file stays sparse.
void copy_bytes(int from, int to, const std::string& name, const struct stat& status) {
  const off_t size = status.st_size;
  if (size == 0 || ::ioctl(to, FICLONE, from) == 0) {
    return;
  }
  check_room(to, name, status);
  if (::ftruncate(to, size) != 0) {
    throw_errno("size copy of staged " + name);
  }
  off_t position = 0;
  while (position < size) {
    const off_t data = ::lseek(from, position, SEEK_DATA);
    if (data < 0) {
      if (errno == ENXIO) {
        return;
      }
      throw_errno("seek in staged " + name);
    }
    const off_t hole = ::lseek(from, data, SEEK_HOLE);
    if (hole < 0) {
      throw_errno("seek in staged " + name);
    }
    copy_range(from, to, name, data, hole);
    position = hole;
  }
}

void copy_symlink(int node, const std::string& name, int target, const std::string& copy,
                  const struct stat& status) {
  std::vector<char> link(PATH_MAX);
  const ssize_t length = ::readlinkat(node, "", link.data(), link.size() - 1);
  if (length < 0) {
    throw_errno("read staged symlink " + name);
  }
  link[static_cast<std::size_t>(length)] = '\0';
  if (::symlinkat(link.data(), target, copy.c_str()) != 0) {
    throw_errno("copy staged symlink " + name);
  }
  if (::fchownat(target, copy.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0 &&
      errno != EPERM) {
    throw_errno("set owner of copied symlink " + name);
  }
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (::utimensat(target, copy.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    throw_errno("set times of copied symlink " + name);
  }
}

}  // namespace

void copy_metadata(int from, int to) {
  struct stat status {};
  if (::fstat(from, &status) != 0) {
    throw_errno("stat staged file");
  }
  if (::fchown(to, status.st_uid, status.st_gid) != 0 && errno != EPERM) {
    throw_errno("set owner of staged copy");
  }
  // While the copy is writable: the kernel asks for that.
  copy_xattrs(from, to);
  // After the owner: chown clears set-user-id bits.
  if (::fchmod(to, status.st_mode & 07777) != 0) {
    throw_errno("set mode of staged copy");
  }
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (::futimens(to, times) != 0) {
    throw_errno("set times of staged copy");
  }
}

void copy_file(int node, const std::string& name, int target, const std::string& copy,
               bool with_bytes) {
  struct stat status {};
  if (::fstat(node, &status) != 0) {
    throw_errno("stat staged " + name);
  }
  if (S_ISLNK(status.st_mode)) {
    copy_symlink(node, name, target, copy, status);
    return;
  }
  if (!S_ISREG(status.st_mode)) {
    if (::mknodat(target, copy.c_str(), status.st_mode, status.st_rdev) != 0) {
      throw_errno("copy staged node " + name);
    }
    return;
  }
  // Not by its name: that may be another file's by now.
  const std::string self = "/proc/self/fd/" + std::to_string(node);
  const tapeio::UniqueFd from(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from.valid()) {
    throw_errno("open staged " + name);
  }
  const tapeio::UniqueFd to(
      ::openat(target, copy.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to.valid()) {
    throw_errno("create copy of staged " + name);
  }
  if (with_bytes) {
    copy_bytes(from.get(), to.get(), name, status);
  }
  copy_metadata(from.get(), to.get());
  if (::fsync(to.get()) != 0) {
    throw_errno("sync copy of staged " + name);
  }
}

}  // namespace mixtape::staging
