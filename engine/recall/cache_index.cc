// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/cache_index.h"

namespace mixtape::recall {

void CacheIndex::use(const EntryHash& hash, std::uint64_t size) {
  remove(hash);
  by_hash_[hash] = by_use_.insert(by_use_.end(), Entry{hash, size});
  bytes_ += size;
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

std::optional<EntryHash> CacheIndex::oldest_outside(const EntrySet& pins) const {
  for (const Entry& entry : by_use_) {
    if (!pins.contains(entry.hash)) {
      return entry.hash;
    }
  }
  return std::nullopt;
}

std::uint64_t CacheIndex::bytes_in(const EntrySet& pins) const {
  std::uint64_t bytes = 0;
  for (const EntryHash& hash : pins) {
    bytes += size_of(hash).value_or(0);
  }
  return bytes;
}

std::vector<EntryHash> CacheIndex::all() const {
  std::vector<EntryHash> hashes;
  hashes.reserve(by_hash_.size());
  for (const Entry& entry : by_use_) {
    hashes.push_back(entry.hash);
  }
  return hashes;
}

std::optional<std::uint64_t> CacheIndex::size_of(const EntryHash& hash) const {
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? std::nullopt : std::optional(found->second->size);
}

}  // namespace mixtape::recall
