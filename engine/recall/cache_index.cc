// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/cache_index.h"

namespace mixtape::recall {

void CacheIndex::use(const Entry& entry) {
  remove(entry.hash);
  by_hash_[entry.hash] = by_use_.insert(by_use_.end(), entry);
  bytes_ += entry.size;
}

void CacheIndex::remove(const EntryHash& hash) {
  const auto found = by_hash_.find(hash);
  if (found == by_hash_.end()) {
    return;
  }
  bytes_ -= found->second->size;
  by_use_.erase(found->second);
  by_hash_.erase(found);
}

std::optional<CacheIndex::Entry> CacheIndex::oldest_outside(const PinnedEntries& pins) const {
  for (const Entry& entry : by_use_) {
    if (!pins.contains(entry.hash)) {
      return entry;
    }
  }
  return std::nullopt;
}

std::uint64_t CacheIndex::bytes_in(const PinnedEntries& pins) const {
  std::uint64_t bytes = 0;
  for (const auto& [hash, why] : pins) {
    const auto found = by_hash_.find(hash);
    bytes += found == by_hash_.end() ? 0 : found->second->size;
  }
  return bytes;
}

}  // namespace mixtape::recall
