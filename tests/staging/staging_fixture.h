// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>

#include "engine/staging/staging.h"

// A staging directory on a disk of its own, and words to put files in and look at them.

namespace mixtape::staging {

class StagingFixture : public ::testing::Test {
 protected:
  StagingFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "staging.XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    reopen();
  }
  ~StagingFixture() override { std::filesystem::remove_all(root_); }

  void reopen(std::function<void()> before_change = {}) {
    staging_.reset();
    staging_ = std::make_unique<Staging>(root_ / "staging", std::move(before_change));
  }

  [[nodiscard]] std::filesystem::path at(const std::string& path) const {
    return root_ / "staging" / "tree" / path;
  }

  void stage(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(at(path).parent_path());
    std::ofstream(at(path), std::ios::trunc) << text;
  }

  static std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // Every file below a directory by relative path; directories as "path/" with an empty text.
  static std::map<std::string, std::string> files_below(const std::filesystem::path& top) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      const std::string name = entry.path().lexically_relative(top).string();
      if (entry.is_directory()) {
        files[name + "/"] = "";
      } else {
        files[name] = text_of(entry.path());
      }
    }
    return files;
  }

  [[nodiscard]] std::map<std::string, std::string> tree() const { return files_below(at("")); }

  static struct stat status(const std::filesystem::path& file) {
    struct stat status {};
    EXPECT_EQ(::lstat(file.c_str(), &status), 0) << file;
    return status;
  }

  std::filesystem::path root_;
  std::unique_ptr<Staging> staging_;
};

}  // namespace mixtape::staging
