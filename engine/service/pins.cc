// SPDX-License-Identifier: Apache-2.0
#include "engine/service/pins.h"

#include <set>

#include "engine/service/copy_policy.h"

namespace mixtape::service {

void release_pins(Context& context) {
  recall::Cache& cache = context.workspace.cache();
  const std::vector<catalog::Hash> pinned = cache.pinned(recall::Pin::copies);
  std::set<catalog::Hash> released(pinned.begin(), pinned.end());
  if (released.empty()) {
    return;
  }
  each_need(context, [&](const catalog::CopyNeed& need) {
    if (need.version.hash) {
      released.erase(*need.version.hash);
    }
    return !released.empty();
  });
  for (const catalog::Hash& hash : released) {
    cache.unpin({.number = 0, .size = 0, .hash = hash}, recall::Pin::copies);
  }
}

std::size_t pin_by_hand(recall::Cache& cache, const std::vector<catalog::WantedContent>& contents) {
  std::size_t unknown = 0;
  for (const catalog::WantedContent& wanted : contents) {
    if (wanted.hash) {
      cache.pin({.number = 0, .size = wanted.size, .hash = wanted.hash}, recall::Pin::user);
    } else {
      ++unknown;
    }
  }
  cache.sync_pins();
  return unknown;
}

void unpin_by_hand(recall::Cache& cache, const std::vector<catalog::WantedContent>& contents) {
  for (const catalog::WantedContent& wanted : contents) {
    if (wanted.hash) {
      cache.unpin({.number = 0, .size = wanted.size, .hash = wanted.hash}, recall::Pin::user);
    }
  }
  cache.sync_pins();
}

}  // namespace mixtape::service
