// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/recall/cache_pins.h"
#include "engine/recall/content_sink.h"
#include "engine/recall/extent.h"
#include "engine/recall/present_ranges.h"
#include "tapeio/unique_fd.h"

// Contents on disk, by hash, so that the second read moves no tape.
//
// An entry becomes visible only after its hash was confirmed. Large ones are made durable first;
// small ones are not, because a disk flush for each would be slower than the tape: the first time a
// process opens one that it did not write itself, it is hashed again. An entry that is not what it
// must be is dropped and fetched again. A large content that is not all there is kept as far as it
// came (cache_part.h), for reads within what is there and to be completed later. Bounded by
// CacheLimits, those that are not whole included; the least recently used goes first (the time of
// use is the file's mtime), pinned ones never.
//
// Layout:   DIR/ab/abcdef...64 hex digits; DIR/incoming/*.part, and others (left ones removed at
//           open); DIR/pins
// Threads:  internally synchronised; several processes may share the directory.
// Errors:   throws Error{no_space} when limit or disk leave no room even without the unpinned
//           entries, and leaves nothing half behind; Error{io, not_permitted}.

namespace mixtape::recall {

// Up to here an entry is not flushed when it is written but hashed when it is first opened, bytes.
inline constexpr std::uint64_t kHashedAtOpen = 1 * MiB;

struct CacheLimits {
  std::uint64_t bytes = 0;
  // What nobody used for so long goes; 0: it may stay.
  std::chrono::seconds unused_for{0};
  // How often it is made safe what there is of a large content: what a killed recall reads again.
  std::chrono::milliseconds list_every{1000};
};

class Cache {
 public:
  Cache(std::filesystem::path directory, CacheLimits limits);
  ~Cache();

  // An open file with the whole content; counts as a use.
  [[nodiscard]] std::optional<tapeio::UniqueFd> open(const Content& content);
  [[nodiscard]] bool contains(const Content& content);
  // Whether an entry of the right size is there. Reads nothing of it, where contains() may have to
  // hash it, and is no use of it: a small one may turn out damaged when it is opened.
  [[nodiscard]] bool has(const Content& content);
  // Where the whole content lies, for a reader that opens it later; it may have been evicted by
  // then unless it is pinned.
  [[nodiscard]] std::optional<std::filesystem::path> file(const Content& content);

  // Fills `into` from a content that is not whole; false: not all of that is there. What is read
  // is authenticated, but the content's hash is not confirmed: the last byte is never read once
  // all others are there, so that nobody has seen a whole content that is not what it must be.
  [[nodiscard]] bool read_part(const Content& content, std::uint64_t offset, MutableBytes into);

  // A content on its way in. Bytes come from one thread, in order from where it was put last. What
  // there is of a content larger than kHashedAtOpen that has a hash is kept when this object goes,
  // at the latest, and is there when the content is begun again.
  class Incoming : public ContentSink {
   public:
    // The first bytes at or behind `from` that are not there yet.
    [[nodiscard]] virtual ByteRange missing(std::uint64_t from) const = 0;
    // Where the next bytes go; at first it is the first place where something is missing.
    virtual void seek(std::uint64_t offset) = 0;
    // Nothing is kept of it. What is there can still be read back.
    virtual void discard() = 0;
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
  void pin(const Content& content, Pin why);
  void unpin(const Content& content, Pin why);
  // Returns when all pins, also those of adopt(), are durable. Once per flush, not once per file.
  void sync_pins();
  // The hashes of all that is pinned for this reason.
  [[nodiscard]] std::vector<std::array<std::byte, 32>> pinned(Pin why);
  void drop(const Content& content);

  struct Usage {
    std::uint64_t bytes = 0, entries = 0, pinned_bytes = 0, limit_bytes = 0;
  };
  [[nodiscard]] Usage usage();
  // Drops what nobody used for as long as the limits say, and beyond their size what was not used
  // for longest; beginning a content does it, too.
  void expire();

  // Hashes every entry and drops those that are not what their name says, telling each. Cost: reads
  // all.
  void verify(const std::function<void(const std::string& name)>& dropped);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::recall
