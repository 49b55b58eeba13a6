// SPDX-License-Identifier: Apache-2.0
#include "tapeio/cartridge_library.h"

#include <algorithm>
#include <utility>

#include "tapeio/changer_library.h"
#include "tapeio/error.h"
#include "tapeio/hand_fed_library.h"

namespace mixtape::tapeio {

std::unique_ptr<Library> make_cartridge_library(CartridgeLibraryParts parts) {
  const bool all_open = std::all_of(parts.drives.begin(), parts.drives.end(),
                                    [](const auto& each) { return each.open != nullptr; });
  if (parts.drives.empty() || !all_open || (!parts.changer && parts.drives.size() > 1)) {
    throw Error(ErrorCode::invalid,
                "open library " + parts.url +
                    (parts.drives.empty()
                         ? ": it needs a drive; add drive=URL"
                         : ": without a changer a library has one drive; name each by itself"));
  }
  if (!parts.changer) {
    return std::make_unique<HandFedLibrary>(std::move(parts.url), std::move(parts.drives.front()),
                                            std::move(parts.options));
  }
  return std::make_unique<ChangerLibrary>(std::move(parts.url), std::move(parts.changer),
                                          std::move(parts.drives), std::move(parts.options));
}

}  // namespace mixtape::tapeio
