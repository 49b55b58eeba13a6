// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "tapeio/library.h"

// From the URL of a drive or a changer (library_url.h) to the library that works with it.

namespace mixtape::tapeio {

// The changer is asked who it is at once; drives are opened when they are first needed. A changer
// whose URL names no drives gets those that the kernel or its iSCSI target has beside it. Throws
// what parsing the URL and opening the changer throw; Error{not_found} when there is no drive.
[[nodiscard]] std::unique_ptr<Library> open_cartridges(std::string_view url,
                                                       const LabelReader& read_label);

}  // namespace mixtape::tapeio
