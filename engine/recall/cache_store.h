// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/recall/cache.h"
#include "engine/recall/cache_index.h"
#include "engine/recall/cache_pins.h"
#include "tapeio/unique_fd.h"

// The files of the cache and the accounting of their space; what Cache and its incoming contents
// share.
//
// Threads: internally synchronised; one mutex, held over small file operations, never over a whole
// content, a look at all entries or a sync. Errors:  as Cache.

namespace mixtape::recall {

class CacheStore {
 public:
  CacheStore(std::filesystem::path directory, std::uint64_t limit_bytes);

  // An entry of this size, hashed first where its writer is not known; what is wrong is dropped.
  [[nodiscard]] std::optional<tapeio::UniqueFd> open(const EntryHash& hash, std::uint64_t size);
  // Hashes an entry; drops it and returns false when it is not what its name says.
  bool verify(const EntryHash& hash);
  void drop(const EntryHash& hash);

  // An entry has appeared under its path.
  void added(const EntryHash& hash, std::uint64_t size);
  [[nodiscard]] std::filesystem::path make_entry_path(const EntryHash& hash);
  [[nodiscard]] const std::filesystem::path& incoming_directory() const { return incoming_; }
  [[nodiscard]] std::filesystem::path incoming_name();  // Unique among all processes.

  void pin(const EntryHash& hash);
  void unpin(const EntryHash& hash);
  void sync_pins();
  [[nodiscard]] std::vector<EntryHash> pinned();

  // Sets space aside, evicting what must go. Error{no_space}.
  void reserve(std::uint64_t bytes);
  void release(std::uint64_t bytes);
  // The disk is full: evicts entries of at least that many bytes; false when there was nothing to
  // evict.
  bool evict(std::uint64_t bytes);

  [[nodiscard]] Cache::Usage usage();
  [[nodiscard]] std::vector<EntryHash> entries();

 private:
  void load_index();  // Looks at every entry, once; takes mutex_.
  void sweep_incoming();
  bool evict_oldest();
  void remove_entry(const EntryHash& hash);
  [[nodiscard]] std::filesystem::path entry_path(const EntryHash& hash) const;
  void trust(const EntryHash& hash);

  const std::filesystem::path directory_, incoming_;
  const std::uint64_t limit_;

  std::once_flag loaded_;  // index_ knows of the entries that were there before.
  std::mutex mutex_;
  // Guarded by mutex_, but for what pins_ syncs:
  CachePins pins_;
  CacheIndex index_;
  std::uint64_t reserved_ = 0;
  std::uint64_t names_ = 0;
  EntrySet trusted_;  // Small entries that this process has written or hashed.
};

// A content on its way into `store`, which must outlive it.
std::unique_ptr<Cache::Incoming> begin_incoming(CacheStore& store, const Content& content);

}  // namespace mixtape::recall
