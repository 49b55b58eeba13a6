// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/parent_directory.h"

#include <fcntl.h>

#include <cerrno>
#include <string_view>

namespace mixtape::archive {

ParentDirectory::Place ParentDirectory::of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return {.directory = AT_FDCWD, .name = path.c_str(), .error = 0};
  }
  const std::string_view directory = std::string_view(path).substr(0, slash + 1);
  if (directory != path_) {
    path_ = directory;
    directory_.reset(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    error_ = directory_.valid() ? 0 : errno;
  }
  return {.directory = directory_.get(), .name = path.c_str() + slash + 1, .error = error_};
}

}  // namespace mixtape::archive
