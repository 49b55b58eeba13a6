// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/metadata.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <vector>

namespace mixtape::archive {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;
// The kernel's own limits: XATTR_LIST_MAX and XATTR_SIZE_MAX, and PATH_MAX for a symlink's target.
constexpr std::size_t kLargestXattr = 65536;
constexpr std::size_t kLongestTarget = 4096;
// Enough for any entry of a user database that a person typed.
constexpr std::size_t kNameBuffer = 16384;
constexpr std::string_view kOwnXattrs = "user.mixtape.";

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * kNanoseconds + time.tv_nsec;
}

int read_xattrs(const std::string& path, catalog::Metadata& metadata) {
  // Nearly every file has none: the first call only asks how much there is.
  const ssize_t needed = llistxattr(path.c_str(), nullptr, 0);
  if (needed == 0 || (needed < 0 && errno == ENOTSUP)) {
    return 0;
  }
  std::string list(kLargestXattr, '\0');
  const ssize_t length = needed < 0 ? needed : llistxattr(path.c_str(), list.data(), list.size());
  if (length < 0) {
    return errno;
  }
  list.resize(static_cast<std::size_t>(length));
  std::string value(kLargestXattr, '\0');
  for (std::size_t at = 0; at < list.size();) {
    const std::string name = list.c_str() + at;
    at += name.size() + 1;
    if (name.starts_with(kOwnXattrs)) {
      continue;
    }
    const ssize_t size = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (size < 0 && errno == ENODATA) {
      continue;  // Removed since it was listed.
    }
    if (size < 0) {
      return errno;
    }
    metadata.xattrs.emplace_back(name, value.substr(0, static_cast<std::size_t>(size)));
  }
  std::sort(metadata.xattrs.begin(), metadata.xattrs.end());
  return 0;
}

int read_target(const std::string& path, std::string& target) {
  target.resize(kLongestTarget);
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  target.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return size < 0 ? errno : 0;
}

}  // namespace

FileStat to_file_stat(const struct stat& st) {
  return {.device = st.st_dev,
          .inode = st.st_ino,
          .size = static_cast<std::uint64_t>(st.st_size),
          .special_device = st.st_rdev,
          .mtime_ns = nanoseconds(st.st_mtim),
          .ctime_ns = nanoseconds(st.st_ctim),
          .mode = st.st_mode,
          .uid = st.st_uid,
          .gid = st.st_gid,
          .links = static_cast<std::uint32_t>(st.st_nlink)};
}

int stat_at(int directory, const char* name, FileStat& into) {
  struct stat st {};
  if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return errno;
  }
  into = to_file_stat(st);
  return 0;
}

int stat_of(int fd, FileStat& into) {
  struct stat st {};
  if (fstat(fd, &st) != 0) {
    return errno;
  }
  into = to_file_stat(st);
  return 0;
}

const std::string& OwnerNames::user(std::uint32_t uid) {
  const auto [at, is_new] = users_.try_emplace(uid);
  if (is_new) {
    std::vector<char> buffer(kNameBuffer);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
      at->second = found->pw_name;
    }
  }
  return at->second;
}

const std::string& OwnerNames::group(std::uint32_t gid) {
  const auto [at, is_new] = groups_.try_emplace(gid);
  if (is_new) {
    std::vector<char> buffer(kNameBuffer);
    ::group entry{};
    ::group* found = nullptr;
    if (getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
      at->second = found->gr_name;
    }
  }
  return at->second;
}

catalog::Metadata to_metadata(const FileStat& stat, OwnerNames& names) {
  catalog::Metadata metadata;
  metadata.mode = stat.mode;
  metadata.uid = stat.uid;
  metadata.gid = stat.gid;
  metadata.owner = names.user(stat.uid);
  metadata.group = names.group(stat.gid);
  metadata.mtime_ns = stat.mtime_ns;
  metadata.device = S_ISCHR(stat.mode) || S_ISBLK(stat.mode) ? stat.special_device : 0;
  return metadata;
}

int complete_metadata(const std::string& path, catalog::Metadata& metadata) {
  if (S_ISLNK(metadata.mode)) {
    if (const int error = read_target(path, metadata.symlink_target); error != 0) {
      return error;
    }
  }
  return read_xattrs(path, metadata);
}

}  // namespace mixtape::archive
