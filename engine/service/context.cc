// SPDX-License-Identifier: Apache-2.0
#include "engine/service/context.h"

#include <ctime>

namespace mixtape::service {

std::int64_t system_now_s() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

Workspace::Workspace(home::Home home)
    : home_(std::move(home)),
      cache_(home_.cache(), home_.config().cache_limit),
      staging_(home_.staging()),
      recipients_(home_.recipients()),
      identities_(home_.identities()),
      libraries_(home_.libraries(&absent_)) {}

tapeio::Library* Workspace::library_with(std::string_view label) const {
  for (const auto& library : libraries_) {
    for (const tapeio::MediumSlot& slot : library->media()) {
      if (slot.label == label) {
        return library.get();
      }
    }
  }
  return nullptr;
}

Context::Context(Workspace& workspace_in, catalog::Access access, Clock clock)
    : workspace(workspace_in),
      database(workspace.home().open_catalog(access)),
      ledger(database),
      tree(database),
      sources(database),
      now_s(std::move(clock)) {}

}  // namespace mixtape::service
