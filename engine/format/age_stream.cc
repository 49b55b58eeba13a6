// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_stream.h"

#include <algorithm>
#include <array>
#include <string>

#include "engine/format/cipher.h"
#include "tapeio/error.h"

namespace mixtape::format {

namespace {

static_assert(kSealedChunk == kChunk + kCipherTagSize);

// 11 bytes of big-endian chunk number and a flag. Numbers are 64 bits here: 2^80 bytes of
// plaintext, so the counter's three upper bytes are never anything but zero.
std::array<std::byte, kCipherNonceSize> chunk_nonce(std::uint64_t index, bool last) {
  std::array<std::byte, kCipherNonceSize> nonce{};
  store_big_endian(nonce.data() + 3, index);
  nonce[11] = static_cast<std::byte>(last ? 1 : 0);
  return nonce;
}

}  // namespace

std::uint64_t chunk_count(std::uint64_t plain) {
  return std::max<std::uint64_t>(1, plain / kChunk + (plain % kChunk != 0 ? 1 : 0));
}

std::uint64_t cipher_size(std::uint64_t preamble, std::uint64_t plain) {
  return preamble + plain + kCipherTagSize * chunk_count(plain);
}

std::optional<std::uint64_t> plain_size(std::uint64_t preamble, std::uint64_t cipher) {
  if (cipher < preamble || cipher - preamble < kCipherTagSize) {
    return std::nullopt;
  }
  const std::uint64_t payload = cipher - preamble;
  const std::uint64_t chunks = payload / kSealedChunk + (payload % kSealedChunk != 0 ? 1 : 0);
  const std::uint64_t last = payload - (chunks - 1) * kSealedChunk;
  if (last < kCipherTagSize || (last == kCipherTagSize && chunks > 1)) {
    return std::nullopt;
  }
  return payload - kCipherTagSize * chunks;
}

std::uint64_t padded_plain_size(std::uint64_t preamble, std::uint64_t plain, std::uint64_t record) {
  MIXTAPE_ASSERT(record > 0);
  std::uint64_t total = round_up(cipher_size(preamble, plain), record);
  std::optional<std::uint64_t> padded = plain_size(preamble, total);
  // No plaintext ends 1 to 16 bytes into a chunk's ciphertext.
  while (!padded) {
    total += record;
    padded = plain_size(preamble, total);
  }
  return *padded;
}

void seal_chunk(const Secret& payload_key, std::uint64_t index, bool last, ByteView plain,
                MutableBytes sealed) {
  MIXTAPE_ASSERT(plain.size() == kChunk || (last && plain.size() < kChunk));
  cipher_seal(payload_key.view(), chunk_nonce(index, last), plain, sealed);
}

bool try_open_chunk(const Secret& payload_key, std::uint64_t index, bool last, ByteView sealed,
                    MutableBytes plain) {
  return sealed.size() >= kCipherTagSize && sealed.size() <= kSealedChunk &&
         cipher_open(payload_key.view(), chunk_nonce(index, last), sealed, plain);
}

void open_chunk(const Secret& payload_key, std::uint64_t index, bool last, ByteView sealed,
                MutableBytes plain) {
  if (!try_open_chunk(payload_key, index, last, sealed, plain)) {
    throw AgeError(AgeFailure::payload, "decrypt age payload: chunk " + std::to_string(index) +
                                            " is damaged or not of this file");
  }
}

struct AgeEncryptor::Impl {
  const Secret& payload_key;
  ByteSink& out;
  std::uint64_t index = 0;
  bool finished = false;
  Bytes held;  // Up to one chunk: only its successor tells whether it is the last.
  Bytes sealed = Bytes(kSealedChunk);

  Impl(const Secret& key, ByteSink& sink) : payload_key(key), out(sink) { held.reserve(kChunk); }

  void put(bool last, ByteView plain) {
    const MutableBytes box = MutableBytes(sealed).first(plain.size() + kCipherTagSize);
    // Counted before it is written: after a failed write this nonce must not be used again.
    seal_chunk(payload_key, index++, last, plain, box);
    out.write(box);
  }
};

AgeEncryptor::AgeEncryptor(const AgePreamble& preamble, ByteSink& out)
    : impl_(std::make_unique<Impl>(preamble.payload_key, out)) {
  out.write(preamble.bytes);
}

AgeEncryptor::~AgeEncryptor() = default;

void AgeEncryptor::write(ByteView bytes) {
  MIXTAPE_ASSERT(!impl_->finished);
  Bytes& held = impl_->held;
  while (held.size() + bytes.size() > kChunk) {
    if (held.empty()) {
      impl_->put(false, bytes.first(kChunk));
      bytes = bytes.subspan(kChunk);
      continue;
    }
    const std::size_t missing = kChunk - held.size();
    held.insert(held.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(missing));
    bytes = bytes.subspan(missing);
    impl_->put(false, held);
    held.clear();
  }
  held.insert(held.end(), bytes.begin(), bytes.end());
}

void AgeEncryptor::finish() {
  MIXTAPE_ASSERT(!impl_->finished);
  impl_->finished = true;
  impl_->put(true, impl_->held);
}

}  // namespace mixtape::format
