// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/recall/cache_index.h"

// The entries that must not be evicted, kept in a file that several processes may change.
//
// Format:  a hash a line pins it until there are enough copies of its content, "-" and a hash
//          unpins it; "+" and "=" do the same on behalf of the user. Lines are appended, the last
//          one of either pair counts, and the file is rewritten when most of it is past.
// Threads: none; a value under the cache's mutex. A lock on FILE.lock keeps other processes out.
// Errors:  throws Error{io, no_space, not_permitted}.

namespace mixtape::recall {

// Why an entry must stay: its content is on too few media as yet, or the user said so.
enum class Pin : std::uint8_t { copies = 1, user = 2 };

class CachePins {
 public:
  explicit CachePins(std::filesystem::path file) : file_(std::move(file)) {}

  // The pins as they are now. Cost: one stat, and what was appended since the last call.
  [[nodiscard]] const PinnedEntries& now();
  void add(const EntryHash& hash, Pin why);
  void remove(const EntryHash& hash, Pin why);
  // Returns when all of the above is durable, and what was put beside the file. From any thread and
  // without the lock: rewriting is durable by itself, and nobody should wait for a disk.
  void sync() const;

 private:
  void append(const std::string& line);
  void rewrite();

  const std::filesystem::path file_;
  std::uint64_t inode_ = 0;    // Of the file that was read; rewriting makes a new one.
  std::uint64_t read_to_ = 0;  // How far, bytes.
  std::size_t lines_ = 0;
  PinnedEntries pins_;
};

}  // namespace mixtape::recall
