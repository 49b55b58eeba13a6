// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "engine/service/destination.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

// What a restored file gets besides its bytes. Nothing here makes a restore fail: a file system or
// a user that cannot take an attribute still gets the file, and the loss is told.

namespace mixtape::service {

namespace {

constexpr std::size_t kMostLostTold = 100;
constexpr std::int64_t kNanoseconds = 1'000'000'000;

// Time of access: untouched, as the reading of a restored tree would change it anyway.
struct Times {
  explicit Times(std::int64_t mtime_ns) {
    std::int64_t seconds = mtime_ns / kNanoseconds;
    std::int64_t rest = mtime_ns % kNanoseconds;
    if (rest < 0) {  // Before 1970.
      --seconds;
      rest += kNanoseconds;
    }
    both[0] = {0, UTIME_OMIT};
    both[1] = {seconds, rest};
  }
  timespec both[2];
};

// A new file mostly has them already, and to set them again is a change that a journal writes down.
bool has_owner(int fd, uid_t owner, gid_t group) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && status.st_uid == owner && status.st_gid == group;
}

}  // namespace

void Destination::lose(const std::string& path, const std::string& attribute) {
  ++lost_count_;
  if (lost_.size() < kMostLostTold) {
    lost_.push_back(path + ": " + attribute);
  }
}

// Names count before numbers: another machine numbers its users otherwise.
uid_t Destination::owner_of(const catalog::Metadata& metadata) {
  if (metadata.owner.empty()) {
    return metadata.uid;
  }
  const auto known = users_.find(metadata.owner);
  if (known != users_.end()) {
    return known->second;
  }
  const passwd* found = ::getpwnam(metadata.owner.c_str());
  return users_[metadata.owner] = found != nullptr ? found->pw_uid : metadata.uid;
}

gid_t Destination::group_of(const catalog::Metadata& metadata) {
  if (metadata.group.empty()) {
    return metadata.gid;
  }
  const auto known = groups_.find(metadata.group);
  if (known != groups_.end()) {
    return known->second;
  }
  const group* found = ::getgrnam(metadata.group.c_str());
  return groups_[metadata.group] = found != nullptr ? found->gr_gid : metadata.gid;
}

void Destination::set_metadata(int fd, const catalog::Metadata& metadata, const std::string& path) {
  mode_t mode = metadata.mode & 07777;
  // Owner first, for it takes away set-user-id bits; without the owner nobody gets them.
  if (as_root_) {
    const uid_t owner = owner_of(metadata);
    const gid_t group = group_of(metadata);
    if (!has_owner(fd, owner, group) && ::fchown(fd, owner, group) != 0) {
      lose(path, "owner");
      mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
    }
  } else {
    mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
  }
  if (::fchmod(fd, mode) != 0) {
    lose(path, "mode");
  }
  // Access control lists are attributes, too, and change the mode: they come after it.
  for (const auto& [name, value] : metadata.xattrs) {
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0) {
      lose(path, name);
    }
  }
  if (::futimens(fd, Times(metadata.mtime_ns).both) != 0) {
    lose(path, "time of change");
  }
}

void Destination::finish_directory(const std::string& path, const catalog::Metadata& metadata) {
  set_metadata(open_directory(path, Make::nothing)->get(), metadata, path);
}

void Destination::set_metadata_of_node(const Anchored& at, const catalog::Metadata& metadata,
                                       const std::string& path) {
  if (as_root_ && ::fchownat(at.fd(), at.name.c_str(), owner_of(metadata), group_of(metadata),
                             AT_SYMLINK_NOFOLLOW) != 0) {
    lose(path, "owner");
  }
  const std::string self = "/proc/self/fd/" + std::to_string(at.fd()) + "/" + at.name;
  for (const auto& [name, value] : metadata.xattrs) {
    if (::lsetxattr(self.c_str(), name.c_str(), value.data(), value.size(), 0) != 0) {
      lose(path, name);
    }
  }
  if (::utimensat(at.fd(), at.name.c_str(), Times(metadata.mtime_ns).both, AT_SYMLINK_NOFOLLOW) !=
      0) {
    lose(path, "time of change");
  }
}

}  // namespace mixtape::service
