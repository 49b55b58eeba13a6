// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

// A directory of one test, gone with all its content at the end.

namespace mixtape::test {

class TempDir {
 public:
  // In memory, where the system has /dev/shm, fsync costs nothing: for tests that make thousands of
  // small files durable. It may lack what disks have, extended attributes above all.
  enum class Place { disk, memory };
  explicit TempDir(Place place = Place::disk);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// Writes a file, making the directories above it.
void write_text(const std::filesystem::path& path, std::string_view text);
// The whole content; fails the test by an exception when there is no such file.
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

}  // namespace mixtape::test
