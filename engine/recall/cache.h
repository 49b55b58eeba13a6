// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/recall/content_sink.h"
#include "engine/recall/extent.h"
#include "tapeio/unique_fd.h"

// Contents on disk, by hash, so that the second read moves no tape.
//
// An entry becomes visible only after its hash was confirmed. Large ones are made durable first;
// small ones are not, because a disk flush for each would be slower than the tape: the first time a
// process opens one that it did not write itself, it is hashed again. An entry that is not what it
// must be is dropped and fetched again. Bounded by `limit_bytes`; the least recently used goes
// first (the time of use is the file's mtime), pinned ones never.
//
// Layout:   DIR/ab/abcdef...64 hex digits; DIR/incoming/* (left ones removed at open); DIR/pins
// Threads:  internally synchronised; several processes may share the directory.
// Errors:   throws Error{no_space} when limit or disk leave no room even without the unpinned
//           entries, and leaves nothing half behind; Error{io, not_permitted}.

namespace mixtape::recall {

// Up to here an entry is not flushed when it is written but hashed when it is first opened, bytes.
inline constexpr std::uint64_t kHashedAtOpen = 1 * MiB;

class Cache {
 public:
  Cache(std::filesystem::path directory, std::uint64_t limit_bytes);
  ~Cache();

  // An open file with the whole content; counts as a use.
  [[nodiscard]] std::optional<tapeio::UniqueFd> open(const Content& content);
  [[nodiscard]] bool contains(const Content& content);
  // Where the whole content lies, for a reader that opens it later; it may have been evicted by
  // then unless it is pinned.
  [[nodiscard]] std::optional<std::filesystem::path> file(const Content& content);

  // A content on its way in. Bytes come in order, from one thread.
  class Incoming : public ContentSink {
   public:
    // The hash of what was written. Throws Error{corrupt} when the size is not that of the content
    // or the hash not the one it has. Nothing may be written afterwards.
    virtual std::array<std::byte, 32> confirm() = 0;
    // Confirms, then makes the entry visible.
    virtual std::array<std::byte, 32> commit() = 0;
    // What is already there, for parked reads: from any thread, as long as this object lives.
    [[nodiscard]] virtual std::size_t read_back(std::uint64_t offset, MutableBytes into) = 0;
  };
  // Makes room for the whole content at once.
  [[nodiscard]] std::unique_ptr<Incoming> begin(const Content& content);

  // Takes over a file that already has this content (a staged file that was written to tape):
  // linked in when it has no other name, else copied, so that nobody can change it; pinned. The
  // limit does not refuse it: the bytes are on this disk already.
  void adopt(const std::filesystem::path& file, const Content& content);

  // Pinning what is not (yet) here is allowed.
  void pin(const Content& content);
  void unpin(const Content& content);
  // Returns when all pins, also those of adopt(), are durable. Once per flush, not once per file.
  void sync_pins();
  // The hashes of all that is pinned.
  [[nodiscard]] std::vector<std::array<std::byte, 32>> pinned();
  void drop(const Content& content);

  struct Usage {
    std::uint64_t bytes = 0, entries = 0, pinned_bytes = 0, limit_bytes = 0;
  };
  [[nodiscard]] Usage usage();

  // Hashes every entry and drops those that are not what their name says, telling each. Cost: reads
  // all.
  void verify(const std::function<void(const std::string& name)>& dropped);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::recall
