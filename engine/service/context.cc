// SPDX-License-Identifier: Apache-2.0
#include "engine/service/context.h"

#include <ctime>

#include "engine/service/last_index.h"
#include "tapeio/error.h"

namespace mixtape::service {

namespace {

// Where the label itself is damaged the archives still prove what they are: each opens only with
// the key that the catalog has for it.
bool is_medium(tapeio::Library& library, const catalog::Medium& medium) {
  try {
    const auto drive = library.load(medium.label, tapeio::Library::Access::read);
    const auto label = read_label(*drive);
    return label && label->medium == medium.uuid;
  } catch (const Error& error) {
    return error.code() == ErrorCode::corrupt;
  }
}

}  // namespace

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

tapeio::Library* Workspace::library_with(const catalog::Medium& medium) const {
  for (const auto& library : libraries_) {
    for (const tapeio::MediumSlot& slot : library->media()) {
      if (slot.label == medium.label && is_medium(*library, medium)) {
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
