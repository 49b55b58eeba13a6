// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/archive/plan.h"
#include "tests/support/temp_dir.h"

// Items as a job has them, with and without files behind them.

namespace mixtape::test {

// A file of which only the catalog knows.
archive::Item file_item(std::string path, std::uint64_t size, std::int64_t content);
archive::Item empty_file_item(std::string path);
archive::Item symlink_item(std::string path, std::string target);
// Goes where something below it goes.
archive::Item leading_directory(std::string path);
archive::Item new_directory(std::string path);

// Files on disk and the items that describe them; contents are numbered in the order of making.
class SourceTree {
 public:
  archive::Item file(const std::string& path, ByteView bytes);
  archive::Item file(const std::string& path, std::size_t size);  // Of bytes that depend on `path`.
  // The same name again, describing what is there now.
  archive::Item describe(const std::string& path, std::int64_t content) const;
  [[nodiscard]] std::string on_disk(const std::string& path) const { return dir_ / path; }

 private:
  TempDir dir_;
  std::int64_t next_content_ = 1;
};

}  // namespace mixtape::test
