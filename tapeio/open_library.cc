// SPDX-License-Identifier: Apache-2.0
// The one place that knows every kind of library.

#include "tapeio/dir_library.h"
#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tapeio/library_url.h"
#include "tapeio/lto/sim_library.h"
#include "tapeio/open_cartridges.h"

namespace mixtape::tapeio {

std::unique_ptr<Library> open_library(std::string_view url, const LabelReader& read_label) {
  if (url.starts_with(kDirScheme)) {
    return std::make_unique<DirLibrary>(std::string(url.substr(kDirScheme.size())));
  }
  if (url.starts_with(kSimScheme)) {
    return std::make_unique<lto::SimLibrary>(lto::parse_sim_options(url.substr(kSimScheme.size())));
  }
  if (is_cartridge_library_url(url)) {
    return open_cartridges(url, read_label);
  }
  throw Error(ErrorCode::invalid, "open library " + url_for_people(url) +
                                      ": known kinds of library are dir:/PATH, st:/dev/nst0, "
                                      "scsi:/dev/sg3, iscsi://HOST/TARGET/LUN, changer:DEVICE and "
                                      "sim:/PATH");
}

}  // namespace mixtape::tapeio
