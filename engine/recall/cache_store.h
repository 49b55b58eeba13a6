// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/recall/cache.h"
#include "engine/recall/cache_index.h"
#include "engine/recall/cache_part.h"
#include "engine/recall/cache_pins.h"
#include "tapeio/unique_fd.h"

// The files of the cache and the accounting of their space; what Cache and its incoming contents
// share.
//
// Threads: internally synchronised; one mutex, held over small file operations, never over a whole
// content, a look at all entries or a sync. Errors:  as Cache.

namespace mixtape::recall {

// Says "used now" where eviction looks.
void touch(int fd);

class CacheStore {
 public:
  CacheStore(std::filesystem::path directory, CacheLimits limits);

  // An entry of this size, hashed first where its writer is not known; what is wrong is dropped.
  [[nodiscard]] std::optional<tapeio::UniqueFd> open(const EntryHash& hash, std::uint64_t size);
  // Whether one of this size is there, by its status alone.
  [[nodiscard]] bool has(const EntryHash& hash, std::uint64_t size) const;
  // Hashes an entry; drops it and returns false when it is not what its name says.
  bool verify(const EntryHash& hash);
  void drop(const EntryHash& hash);

  // An entry has appeared under its path.
  void added(const EntryHash& hash, std::uint64_t size);
  [[nodiscard]] std::filesystem::path make_entry_path(const EntryHash& hash);
  [[nodiscard]] const std::filesystem::path& incoming_directory() const { return incoming_; }
  [[nodiscard]] std::filesystem::path incoming_name();  // Unique among all processes.

  // The file of a content on its way in, locked for its writer; null: somebody else writes it, or
  // it cannot be kept. It counts no more among the entries, and is not evicted.
  [[nodiscard]] std::shared_ptr<PartFile> take_part(const EntryHash& hash, std::uint64_t size);
  // Its writer is done: what it has (bytes) is kept as an entry that is not whole; 0: it goes.
  void leave_part(const EntryHash& hash, std::uint64_t bytes) noexcept;
  // What there is of a content; null: nothing.
  [[nodiscard]] std::shared_ptr<PartFile> part(const EntryHash& hash);
  [[nodiscard]] std::filesystem::path part_path(const EntryHash& hash) const;

  void pin(const EntryHash& hash, Pin why);
  void unpin(const EntryHash& hash, Pin why);
  void sync_pins();
  [[nodiscard]] std::vector<EntryHash> pinned(Pin why);

  // Sets space aside, evicting what must go. Error{no_space}.
  void reserve(std::uint64_t bytes);
  void release(std::uint64_t bytes);
  // The disk is full: evicts entries of at least that many bytes; false when there was nothing to
  // evict.
  bool evict(std::uint64_t bytes);

  [[nodiscard]] const CacheLimits& limits() const { return limits_; }
  // Drops what was not used for as long as the limits say, and what is beyond them.
  void expire();

  [[nodiscard]] Cache::Usage usage();
  [[nodiscard]] std::vector<EntryHash> entries();

 private:
  void load_index();  // Looks at every entry, once; takes mutex_.
  void sweep_incoming();
  void expire_locked();
  bool evict_oldest();
  void remove_entry(const EntryHash& hash);
  void remove_part(const EntryHash& hash);
  [[nodiscard]] std::filesystem::path entry_path(const EntryHash& hash) const;
  void trust(const EntryHash& hash);

  const std::filesystem::path directory_, incoming_;
  const CacheLimits limits_;

  std::once_flag loaded_;  // index_ knows of the entries that were there before.
  std::mutex mutex_;
  // Guarded by mutex_, but for what pins_ syncs:
  CachePins pins_;
  CacheIndex index_;
  std::map<EntryHash, std::shared_ptr<PartFile>> on_their_way_;
  std::uint64_t reserved_ = 0;
  std::uint64_t names_ = 0;
  EntrySet trusted_;  // Small entries that this process has written or hashed.
};

// A content on its way into `store`, which must outlive it.
std::unique_ptr<Cache::Incoming> begin_incoming(CacheStore& store, const Content& content);

}  // namespace mixtape::recall
