// SPDX-License-Identifier: Apache-2.0
#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::test {

TempDir::TempDir(Place place) {
  const std::filesystem::path memory = "/dev/shm";
  const bool in_memory = place == Place::memory && ::access(memory.c_str(), W_OK) == 0;
  std::string name =
      (in_memory ? memory : std::filesystem::temp_directory_path()) / "mixtape-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    throw_errno("make directory " + name);
  }
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  const tapeio::UniqueFd file = tapeio::open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  tapeio::write_full(file.get(), as_bytes(text), path);
}

std::string read_text(const std::filesystem::path& path) {
  const Bytes content = tapeio::read_file(path, GiB);
  return std::string(as_text(content));
}

}  // namespace mixtape::test
