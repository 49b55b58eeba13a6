// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "engine/recall/extent.h"
#include "tapeio/unique_fd.h"

// Contents on disk, by hash, so that the second read moves no tape.
//
// An entry becomes visible only after its hash was confirmed: it is written under another name, made durable
// and renamed. A visible entry whose size is wrong, or that fails a read, is dropped and fetched again.
// Bounded by `limit_bytes`; the least recently used goes first, pinned ones never.
//
// Layout:   DIR/ab/abcdef...64 hex digits; DIR/incoming/* (removed at open); DIR/pins (one hash a line)
// Threads:  internally synchronised.
// Errors:   Error{no_space} leaves no half entry behind; the reader is still served from memory.

namespace mixtape::recall {

class Cache {
 public:
  Cache(std::filesystem::path directory, std::uint64_t limit_bytes);
  ~Cache();

  // An open file with the whole content; counts as a use.
  [[nodiscard]] std::optional<tapeio::UniqueFd> open(const Content& content);
  [[nodiscard]] bool contains(const Content& content);

  // A content on its way in. Bytes come in order; commit() compares the hash with `content.hash` (when it has
  // one) and makes the entry visible, or throws Error{corrupt} and leaves nothing.
  class Incoming {
   public:
    virtual ~Incoming() = default;
    virtual void write(ByteView bytes) = 0;
    virtual void write_zeros(std::uint64_t count) = 0;
    // Returns the hash of what was written.
    virtual std::array<std::byte, 32> commit() = 0;
    // What is already there, for parked reads; valid as long as this object.
    [[nodiscard]] virtual std::size_t read_back(std::uint64_t offset, MutableBytes into) = 0;
  };
  [[nodiscard]] std::unique_ptr<Incoming> begin(const Content& content);

  // Takes over a file that already has this content (a staged file that was written to tape): linked or copied
  // in, pinned.
  void adopt(const std::filesystem::path& file, const Content& content);

  void pin(const Content& content);
  void unpin(const Content& content);
  void drop(const Content& content);

  struct Usage {
    std::uint64_t bytes = 0, entries = 0, pinned_bytes = 0, limit_bytes = 0;
  };
  [[nodiscard]] Usage usage();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::recall
