// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_batch.h"

#include <algorithm>
#include <utility>

namespace mixtape::service {

namespace {

// A record of the medium, or a few hundred small files: hand-overs are few, and what comes next is
// hashed while this is written.
constexpr std::size_t kFullBytes = 1 * MiB;
// Small contents may each lie in another chunk.
constexpr std::size_t kMostChunks = 32;

}  // namespace

void RestoreBatch::add(RestoreEvent event) {
  events.push_back(std::move(event));
}

void RestoreBatch::add_data(ByteView data, const std::shared_ptr<Bytes>& chunk) {
  if (chunks.empty() || chunks.back() != chunk) {
    chunks.push_back(chunk);
  }
  bytes += data.size();
  add({.kind = RestoreEvent::Kind::data, .data = data});
}

std::uint64_t RestoreBatch::add_zeros(std::uint64_t count) {
  const std::uint64_t taken = std::min(count, kMostZeros - zeros);
  zeros += taken;
  add({.kind = RestoreEvent::Kind::zeros, .zeros = taken});
  return taken;
}

bool RestoreBatch::is_full() const {
  return bytes >= kFullBytes || events.size() >= kMostEvents || chunks.size() >= kMostChunks ||
         zeros == kMostZeros;
}

void RestoreBatch::clear() {
  chunks.clear();
  events.clear();
  bytes = 0;
  zeros = 0;
}

}  // namespace mixtape::service
