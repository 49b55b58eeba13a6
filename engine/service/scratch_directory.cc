// SPDX-License-Identifier: Apache-2.0
#include "engine/service/scratch_directory.h"

#include <sys/stat.h>

#include <system_error>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::service {

ScratchDirectory::ScratchDirectory(std::filesystem::path path) : path_(std::move(path)) {
  clear();
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code stays;
  std::filesystem::remove_all(path_, stays);
}

void ScratchDirectory::clear() {
  std::error_code trouble;
  std::filesystem::remove_all(path_, trouble);
  if (trouble) {
    throw Error(trouble == std::errc::no_space_on_device ? ErrorCode::no_space : ErrorCode::io,
                "empty " + path_.string() + ": " + trouble.message());
  }
  tapeio::make_directories(path_, S_IRWXU);
}

}  // namespace mixtape::service
