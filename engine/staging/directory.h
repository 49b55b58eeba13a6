// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tapeio/unique_fd.h"

// Directories by descriptor, never following a symlink: a tree that somebody renames meanwhile
// cannot lead outside.
//
// Errors: throws Error as throw_errno does.

namespace mixtape::staging {

struct Child {
  std::string name;
  struct stat status;
  [[nodiscard]] bool is_directory() const { return S_ISDIR(status.st_mode); }
};

// nullopt when there is none (any more), or it is no directory.
[[nodiscard]] std::optional<tapeio::UniqueFd> find_directory(int parent, const std::string& name);
// The same, and nullopt where this user may not read.
[[nodiscard]] std::optional<tapeio::UniqueFd> find_readable_directory(int parent,
                                                                      const std::string& name);
[[nodiscard]] tapeio::UniqueFd open_directory(const std::filesystem::path& path);
// Makes it when it is not there, and opens it.
[[nodiscard]] tapeio::UniqueFd make_directory(int parent, const std::string& name);

// What is in the directory now; what vanishes while it is read is left out.
[[nodiscard]] std::vector<Child> children_of(int directory);
[[nodiscard]] std::optional<struct stat> status_of(int directory, const std::string& name);

// Every path below, relative to it; a directory before what is in it. What vanishes meanwhile is
// left out with all that was in it, and so is what this user may not read; the walk goes on.
void each_below(int directory, const std::function<void(const std::string& path)>& each);

// While it lives, names in the directory may be changed whatever its mode says (0555, copied from a
// DVD), which stops every user but root. Then the mode is what it was. The descriptor must outlive
// it.
class MadeWritable {
 public:
  explicit MadeWritable(int directory);
  ~MadeWritable();
  MadeWritable(const MadeWritable&) = delete;
  MadeWritable& operator=(const MadeWritable&) = delete;

 private:
  const int directory_;
  std::optional<mode_t> mode_;  // When it was changed.
};

// Removes everything below; the directory itself stays.
void clear_directory(int directory);

// Makes what was done to names below durable.
void sync_directory(int directory);
void sync_file_system(int any);

}  // namespace mixtape::staging
