// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mountpoint.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

namespace fs = std::filesystem;

bool is_inside(const fs::path& path, const fs::path& directory) {
  return std::mismatch(directory.begin(), directory.end(), path.begin(), path.end()).first ==
         directory.end();
}

}  // namespace

void check_mountpoint(const MountOptions& options) {
  const std::string what = "mount on " + options.mountpoint.string();
  if (::access("/dev/fuse", F_OK) != 0) {
    throw Error(ErrorCode::unsupported, what + ": there is no /dev/fuse; run: modprobe fuse");
  }
  struct stat status {};
  if (::stat(options.mountpoint.c_str(), &status) != 0) {
    if (errno == ENOTCONN) {
      throw Error(ErrorCode::conflict, what +
                                           ": a mount whose program died is there; run: umount " +
                                           options.mountpoint.string());
    }
    throw_errno(what);
  }
  if (!S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::invalid, what + ": it is not a directory");
  }
  std::error_code dead;
  const fs::path mountpoint = fs::canonical(options.mountpoint, dead);
  // stat may have been answered from what the kernel remembers of a mount that died.
  const bool empty = !dead && fs::is_empty(mountpoint, dead);
  if (dead.value() == ENOTCONN) {
    throw Error(ErrorCode::conflict, what + ": a mount whose program died is there; run: umount " +
                                         options.mountpoint.string());
  }
  if (dead) {
    throw_errno(what, dead.value());
  }
  const fs::path home = fs::weakly_canonical(options.home);
  if (is_inside(mountpoint, home) || is_inside(home, mountpoint)) {
    throw Error(
        ErrorCode::invalid,
        what + ": it and Mixtape's home " + home.string() +
            " lie inside each other, so the mount would wait for itself; take another place");
  }
  if (!options.nonempty && !empty) {
    throw Error(ErrorCode::conflict, what +
                                         ": it is not empty; take an empty directory, or say "
                                         "-o nonempty to hide what is in it");
  }
}

}  // namespace mixtape::fusefs
