// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <unordered_map>

#include "engine/catalog/types.h"

// What a file on disk carries besides its content, as the catalog keeps it.
//
// Threads: none.
// Errors:  the functions here return errno (0: done), since a file that vanishes or is closed to us
// is
//          nothing unusual for a scan.

namespace mixtape::archive {

// The part of struct stat that a backup looks at: half its size, which counts for a million names.
struct FileStat {
  std::uint64_t device = 0, inode = 0, size = 0, special_device = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  std::uint32_t mode = 0, uid = 0, gid = 0, links = 0;

  [[nodiscard]] bool is_file() const { return S_ISREG(mode); }
  [[nodiscard]] bool is_directory() const { return S_ISDIR(mode); }
  [[nodiscard]] bool is_symlink() const { return S_ISLNK(mode); }
  [[nodiscard]] bool is_socket() const { return S_ISSOCK(mode); }
};
[[nodiscard]] FileStat to_file_stat(const struct stat& st);

// lstat(2) of `name` in an open directory; mounts nothing.
[[nodiscard]] int stat_at(int directory, const char* name, FileStat& into);
// fstat(2).
[[nodiscard]] int stat_of(int fd, FileStat& into);

// Names of users and groups; each is asked for once, since the answer may come over the network.
class OwnerNames {
 public:
  [[nodiscard]] const std::string& user(std::uint32_t uid);
  [[nodiscard]] const std::string& group(std::uint32_t gid);

 private:
  std::unordered_map<std::uint32_t, std::string> users_, groups_;
};

// Metadata without what further system calls must tell (xattrs, symlink target). nlink is 1.
[[nodiscard]] catalog::Metadata to_metadata(const FileStat& stat, OwnerNames& names);

// Adds xattrs, and the target of a symlink. `path` is absolute; a symlink at its end is not
// followed. Our own attributes (user.mixtape.*) are left out: they describe a view, not a file.
[[nodiscard]] int complete_metadata(const std::string& path, catalog::Metadata& metadata);

}  // namespace mixtape::archive
