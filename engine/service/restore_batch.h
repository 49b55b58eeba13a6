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

struct RestoreBatch {
  std::vector<RestoreEvent> events{};
  std::vector<std::shared_ptr<Bytes>> chunks{};  // What the data of the events lie in.
  std::size_t bytes = 0;                         // Of data.
  std::size_t unhashed = 0;                      // Parts of it; guarded by ContentHashes.
};

}  // namespace mixtape::service
