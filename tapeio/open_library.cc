// SPDX-License-Identifier: Apache-2.0
// The one place that knows every kind of library.

#include "tapeio/dir_library.h"
#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tapeio/lto/sim_library.h"

namespace mixtape::tapeio {

std::unique_ptr<Library> open_library(std::string_view url, const LabelReader& read_label) {
  (void)read_label;
  if (url.starts_with(kDirScheme)) {
    return std::make_unique<DirLibrary>(std::string(url.substr(kDirScheme.size())));
  }
  if (url.starts_with(kSimScheme)) {
    return std::make_unique<lto::SimLibrary>(lto::parse_sim_options(url.substr(kSimScheme.size())));
  }
  throw Error(ErrorCode::invalid, "open library " + std::string(url) +
                                      ": known kinds of library are dir:/PATH and sim:/PATH");
}

}  // namespace mixtape::tapeio
