// SPDX-License-Identifier: Apache-2.0
#include "engine/format/digest.h"

#include <sodium.h>

#include "engine/format/raw_bytes.h"
#include "engine/format/sodium_init.h"

// libsodium's BLAKE2b, which uses AVX2: docs/decisions/0002-hash-implementation.md.

namespace mixtape::format {

struct Hasher::State {
  crypto_generichash_state blake2b;
  State() { start(); }
  void start() { crypto_generichash_init(&blake2b, nullptr, 0, sizeof(Digest)); }
};

Hasher::Hasher() {
  require_sodium();
  state_ = std::make_unique<State>();
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(ByteView bytes) {
  crypto_generichash_update(&state_->blake2b, raw(bytes), bytes.size());
}

Digest Hasher::finish() {
  Digest digest{};
  crypto_generichash_final(&state_->blake2b, raw_out(digest), digest.size());
  state_->start();
  return digest;
}

Digest digest_of(ByteView bytes) {
  require_sodium();
  Digest digest{};
  crypto_generichash(raw_out(digest), digest.size(), raw(bytes), bytes.size(), nullptr, 0);
  return digest;
}

}  // namespace mixtape::format
