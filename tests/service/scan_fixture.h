// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "engine/service/restore.h"
#include "engine/service/told_losses.h"
#include "tests/service/lost_home.h"
#include "tests/support/patterns.h"

// A home that is lost, and media whose indexes are spoilt: what `recover --scan` makes of them.

namespace mixtape::service {

class ScanTest : public LostHomeTest {
 protected:
  static constexpr std::size_t kRecord = 64 * 1024;

  ScanTest() { configure("libraries = [\"dir:library\"]\nrecord_size = \"64 KiB\"\n"); }

  void TearDown() override {
    if (HasFailure()) {
      for (const std::string& line : reporter_.problems) {
        std::cerr << "problem: " << line << "\n";
      }
    }
  }
  // The library that is in `directory`.
  [[nodiscard]] virtual std::string url_of(const std::filesystem::path& directory) const {
    return "dir:" + directory.string();
  }
  RecoverResult recover_from(const std::filesystem::path& shelf, bool scan) {
    return LostHomeTest::recover_from(url_of(shelf), scan);
  }
  RecoverResult scan() { return recover_from(shelf_, true); }

  [[nodiscard]] std::vector<std::filesystem::path> files_of(
      const std::string& kind, const std::filesystem::path& shelf) const {
    std::vector<std::filesystem::path> files;
    for (const auto& file : std::filesystem::recursive_directory_iterator(shelf)) {
      if (file.path().filename().string().find("." + kind + ".") != std::string::npos) {
        files.push_back(file.path());
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  static std::string pattern_text(std::size_t size, std::uint64_t seed) {
    return std::string(as_text(test::pattern(size, seed)));
  }
  static void flip(const std::filesystem::path& file, std::size_t at) {
    std::string bytes = test::read_text(file);
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    test::write_text(file, bytes);
  }
  // Every index of every medium, in the middle of its first chunk.
  void spoil_indexes(const std::filesystem::path& shelf) {
    for (const std::filesystem::path& index : files_of("index", shelf)) {
      flip(index, 5000);
    }
  }
  // "a", "b" and "c" of 100,000, 500,000 and 100,000 bytes, in one archive.
  void leave_three_files_without_indexes() {
    write("a", pattern_text(100'000, 1));
    write("b", pattern_text(500'000, 2));
    write("c", pattern_text(100'000, 3));
    back_up();
    lose_home();
    spoil_indexes(shelf_);
  }
  static constexpr std::size_t kInB = 350'000;  // A byte of "b" in that archive.
  std::string restored(const std::string& name) {
    RestoreRequest request;
    request.paths = {source(name).string()};
    const std::filesystem::path to = directory_ / ("restored-" + std::to_string(++restores_));
    request.to = to.string();
    (void)restore(context(), request, reporter_);
    return test::read_text(to / path_of(name));
  }

  int restores_ = 0;
};

}  // namespace mixtape::service
