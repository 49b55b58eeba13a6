// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

// A directory for files on their way, for this user alone (0700), that is empty when it is made and
// gone with the object. What an earlier run left in it goes first.
//
// Threads: none. The caller sees to it that nobody else has one of the same path.
// Errors:  throws Error{no_space, io, ...} when it cannot be made or emptied; what cannot be
//          removed at the end stays for the next one.

namespace mixtape::service {

class ScratchDirectory {
 public:
  // With the directories above it.
  explicit ScratchDirectory(std::filesystem::path path);
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void clear();

 private:
  const std::filesystem::path path_;
};

}  // namespace mixtape::service
