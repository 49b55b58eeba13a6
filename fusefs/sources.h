// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "engine/catalog/sqlite.h"
#include "engine/staging/staging.h"
#include "fusefs/catalog_fs.h"
#include "fusefs/cold_guard.h"
#include "fusefs/contents.h"
#include "fusefs/xattrs.h"

// What a mount shows, given by whoever mounts.

namespace mixtape::fusefs {

struct Sources {
  std::function<catalog::Database()> open_catalog;  // A read connection; called from any thread.
  Contents& contents;
  staging::Staging* staging = nullptr;  // None: a read-only mount.
  StatusTexts texts;
  Eta eta;
  ColdRules cold = {};
};

}  // namespace mixtape::fusefs
