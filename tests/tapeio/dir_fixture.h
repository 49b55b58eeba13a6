// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/dir_description.h"
#include "tapeio/dir_drive.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

namespace mixtape::tapeio {

// One medium in a directory of its own.
class DirMediumTest : public testing::Test {
 protected:
  static constexpr std::size_t kRecord = 256;

  void SetUp() override {
    std::filesystem::create_directory(path_);
    write_medium_description(path_, {.capacity_bytes = 64 * MiB, .record_size = 0});
  }
  [[nodiscard]] std::unique_ptr<DirDrive> writer(DirStepHook hook = [](std::string_view) {}) const {
    return std::make_unique<DirDrive>(
        path_, DirDriveOptions{.writable = true, .before_step = std::move(hook)});
  }
  [[nodiscard]] std::unique_ptr<DirDrive> reader() const {
    return std::make_unique<DirDrive>(path_, DirDriveOptions{});
  }
  [[nodiscard]] static Bytes record(int seed) {
    return test::pattern(kRecord, static_cast<std::uint64_t>(seed));
  }
  // A tape file of these records and its filemark.
  static void write_file(TapeDrive& drive, const std::vector<int>& seeds,
                         std::string_view hint = "archive.tar.age") {
    drive.name_next_file(hint);
    for (const int seed : seeds) {
      ASSERT_TRUE(drive.write_record(record(seed)).written);
    }
    ASSERT_TRUE(drive.write_filemark().written);
  }
  // From the head to the end of data, filemarks as '|', records as the letter of their seed.
  [[nodiscard]] static std::string contents(TapeDrive& drive) {
    std::string text;
    Bytes buffer(kRecord);
    for (;;) {
      const ReadResult result = drive.read_record(buffer);
      if (result.kind == ReadResult::Kind::end_of_data) {
        return text;
      }
      text += result.kind == ReadResult::Kind::filemark ? '|' : letter_of(buffer);
    }
  }
  [[nodiscard]] std::string contents() const { return contents(*reader()); }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      found.push_back(entry.path().filename());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  [[nodiscard]] std::string path_of(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

  test::TempDir directory_{test::TempDir::Place::memory};
  const std::string path_ = directory_ / "DISK01";

 private:
  // 'a' for seed 1 and so on; '?' for bytes that were never written.
  [[nodiscard]] static char letter_of(const Bytes& bytes) {
    for (int seed = 1; seed <= 26; ++seed) {
      if (bytes == record(seed)) {
        return static_cast<char>('a' + seed - 1);
      }
    }
    return '?';
  }
};

}  // namespace mixtape::tapeio
