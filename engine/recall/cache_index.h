// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <unordered_set>

// Which entries the cache has, in order of their last use. Pure bookkeeping: no files.
//
// Threads: none; a value under the cache's mutex.

namespace mixtape::recall {

using EntryHash = std::array<std::byte, 32>;

// The bytes of a hash are random already: any eight of them do.
struct EntryHashHash {
  std::size_t operator()(const EntryHash& hash) const {
    std::size_t value;
    std::memcpy(&value, hash.data(), sizeof value);
    return value;
  }
};

using EntrySet = std::unordered_set<EntryHash, EntryHashHash>;
// Why each of them must stay: a set of bits.
using PinnedEntries = std::unordered_map<EntryHash, std::uint8_t, EntryHashHash>;

class CacheIndex {
 public:
  struct Entry {
    EntryHash hash;
    std::uint64_t size;
    std::int64_t used_s;  // Since 1970.
  };

  // Adds an entry as the one used last, or makes it so (a changed size counts).
  void use(const Entry& entry);
  void remove(const EntryHash& hash);
  // The entry that was not used for longest and is not in `pins`.
  [[nodiscard]] std::optional<Entry> oldest_outside(const PinnedEntries& pins) const;

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t entries() const { return by_hash_.size(); }
  [[nodiscard]] std::uint64_t bytes_in(const PinnedEntries& pins) const;
  // The oldest first.
  [[nodiscard]] const std::list<Entry>& all() const { return by_use_; }

 private:
  std::list<Entry> by_use_;  // The oldest first.
  std::unordered_map<EntryHash, std::list<Entry>::iterator, EntryHashHash> by_hash_;
  std::uint64_t bytes_ = 0;
};

}  // namespace mixtape::recall
