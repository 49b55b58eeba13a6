// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/format/digest.h"
#include "tapeio/bytes.h"
#include "tapeio/error.h"

// What passes through a restore, and in what it is passed on: batches, so that a million small
// files do not mean a million hand-overs. Private to restore_stream and content_hashes.

namespace mixtape::service {

// Each content begins, has data and zeros, and ends or fails.
struct RestoreEvent {
  enum class Kind { begin, data, zeros, end, failed };
  Kind kind{};
  std::size_t number = 0;   // Of the content: begin, end, failed.
  ByteView data{};          // data
  std::uint64_t zeros = 0;  // zeros
  format::Digest digest{};  // end: of all its data and zeros.
  std::string why{};        // failed
  ErrorCode code{};
};

// Full with a megabyte of data, or what takes as long or as much memory.
struct RestoreBatch {
  static constexpr std::size_t kMostEvents = 1024;
  // Of all its holes: hashing them takes time, and a restore is stopped between batches.
  static constexpr std::uint64_t kMostZeros = 16 * MiB;

  void add(RestoreEvent event);
  // `data` lie in `chunk`, which is kept.
  void add_data(ByteView data, const std::shared_ptr<Bytes>& chunk);
  // As many of `count` as there is room for: how many. None only when it is full.
  [[nodiscard]] std::uint64_t add_zeros(std::uint64_t count);
  [[nodiscard]] bool is_full() const;
  void clear();

  std::vector<RestoreEvent> events{};
  std::vector<std::shared_ptr<Bytes>> chunks{};  // What the data of the events lie in.
  std::size_t bytes = 0;                         // Of data.
  std::uint64_t zeros = 0;                       // Of all holes.
  std::size_t unhashed = 0;                      // Parts of it; guarded by ContentHashes.
};

}  // namespace mixtape::service
