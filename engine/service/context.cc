// SPDX-License-Identifier: Apache-2.0
#include "engine/service/context.h"

#include <ctime>

#include "tapeio/error.h"

namespace mixtape::service {

namespace {

previews::Limits preview_limits(const home::Config& config) {
  return {.head = config.preview_head, .tail = config.preview_tail, .total = config.preview_limit};
}

}  // namespace

std::int64_t system_now_s() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

Workspace::Workspace(home::Home home, LibrariesOptions libraries)
    : home_(std::move(home)),
      cache_(home_.cache(), {.bytes = home_.config().cache_limit,
                             .unused_for = std::chrono::days(home_.config().cache_days)}),
      previews_(home_.previews(), preview_limits(home_.config())),
      staging_(home_.staging()),
      identities_(home_.identities()),
      libraries_(home_.library_urls(), std::move(libraries)) {}

Context::Context(Workspace& workspace_in, catalog::Access access, Clock clock)
    : workspace(workspace_in),
      database(workspace.home().open_catalog(access)),
      ledger(database),
      tree(database),
      sources(database),
      now_s(std::move(clock)) {}

const home::Config& Context::config() {
  if (!config_) {
    const home::Home now(workspace.home().directory());
    config_ = now.config();
    workspace.libraries().use(now.library_urls());
  }
  return *config_;
}

const std::vector<format::Recipient>& Context::recipients() {
  if (recipients_.empty()) {
    recipients_ = workspace.home().recipients();
  }
  return recipients_;
}

}  // namespace mixtape::service
