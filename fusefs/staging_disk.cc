// SPDX-License-Identifier: Apache-2.0
#include "fusefs/staging_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace mixtape::fusefs {
namespace {

constexpr std::size_t kMaxPathInOneCall = PATH_MAX - 1;

std::int64_t nanoseconds(const struct statx_timestamp& time) {
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

StagedStatus read_status(int directory, const char* name, int flags) {
  struct statx status {};
  checked(::statx(directory, name, flags | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
                  &status));
  StagedStatus result;
  result.key = {.device = ::makedev(status.stx_dev_major, status.stx_dev_minor),
                .inode = status.stx_ino,
                .born_ns = nanoseconds(status.stx_btime)};
  result.attributes = {.inode = staging_inode(status.stx_ino),
                       .mode = status.stx_mode,
                       .nlink = status.stx_nlink,
                       .uid = status.stx_uid,
                       .gid = status.stx_gid,
                       .device = ::makedev(status.stx_rdev_major, status.stx_rdev_minor),
                       .size = status.stx_size,
                       .blocks = status.stx_blocks,
                       .mtime_ns = nanoseconds(status.stx_mtime),
                       .ctime_ns = nanoseconds(status.stx_ctime),
                       .atime_ns = nanoseconds(status.stx_atime)};
  return result;
}

}  // namespace

long checked(long result) {
  if (result < 0) {
    throw Refusal{errno};
  }
  return result;
}

StagedStatus status_of(int fd) {
  return read_status(fd, "", AT_EMPTY_PATH);
}

StagedStatus status_of(int directory, const std::string& name) {
  return read_status(directory, name.c_str(), 0);
}

Place::Place(int tree, const std::string& path) : tree_(tree), rest_(path) {
  while (rest_.size() > kMaxPathInOneCall) {
    const std::size_t cut = rest_.rfind('/', kMaxPathInOneCall);
    const std::string head = rest_.substr(0, cut);
    tapeio::UniqueFd next(
        ::openat(directory(), head.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    checked(next.get());
    holder_ = std::move(next);
    rest_.erase(0, cut + 1);
  }
}

tapeio::UniqueFd open_node(const Place& place) {
  tapeio::UniqueFd fd(::openat(place.directory(), place.path(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  checked(fd.get());
  return fd;
}

std::string name_of(const tapeio::UniqueFd& fd) {
  return "/proc/self/fd/" + std::to_string(fd.get());
}

}  // namespace mixtape::fusefs
