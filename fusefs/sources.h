// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "engine/catalog/sqlite.h"
#include "engine/staging/staging.h"
#include "fusefs/catalog_fs.h"
#include "fusefs/contents.h"
#include "fusefs/xattrs.h"

// What a mount shows, given by whoever mounts.

namespace mixtape::fusefs {

// What happens to a read of a content that is not here.
enum class ColdReads {
  block,  // It waits for the recall.
  queue,  // It queues a recall and fails with EAGAIN.
  never,  // It fails with EACCES and is logged; only user.mixtape.recall and commands bring
          // contents back.
};

struct Sources {
  std::function<catalog::Database()> open_catalog;  // A read connection; called from any thread.
  Contents& contents;
  staging::Staging* staging = nullptr;  // None: a read-only mount.
  StatusTexts texts;
  Eta eta;
  ColdReads cold_reads = ColdReads::block;
};

}  // namespace mixtape::fusefs
