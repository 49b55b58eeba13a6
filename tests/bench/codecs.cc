// SPDX-License-Identifier: Apache-2.0
// The cipher and the hash on one thread, each beside the other library that could do it: the
// figures behind docs/decisions/0001 and 0002.
#include <benchmark/benchmark.h>
#include <blake2.h>
#include <sodium.h>

#include <array>

#include "engine/format/cipher.h"
#include "engine/format/digest.h"

namespace mixtape::format {
namespace {

constexpr std::size_t kChunk = 64 * KiB;

struct Box {
  Bytes key = Bytes(kCipherKeySize, std::byte{7});
  Bytes nonce = Bytes(kCipherNonceSize);
  Bytes plain = Bytes(kChunk, std::byte{42});
  Bytes sealed = Bytes(kChunk + kCipherTagSize);
};

const unsigned char* data(const Bytes& bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* data(Bytes& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

void count_bytes(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * size));
}

void seal(benchmark::State& state) {
  Box box;
  for (auto _ : state) {
    cipher_seal(box.key, box.nonce, box.plain, box.sealed);
    benchmark::DoNotOptimize(box.sealed.data());
  }
  count_bytes(state, kChunk);
}
BENCHMARK(seal);

void seal_libsodium(benchmark::State& state) {
  Box box;
  for (auto _ : state) {
    crypto_aead_chacha20poly1305_ietf_encrypt(data(box.sealed), nullptr, data(box.plain), kChunk,
                                              nullptr, 0, nullptr, data(box.nonce), data(box.key));
    benchmark::DoNotOptimize(box.sealed.data());
  }
  count_bytes(state, kChunk);
}
BENCHMARK(seal_libsodium);

void open(benchmark::State& state) {
  Box box;
  cipher_seal(box.key, box.nonce, box.plain, box.sealed);
  for (auto _ : state) {
    if (!cipher_open(box.key, box.nonce, box.sealed, box.plain)) {
      state.SkipWithError("not authentic");
      return;
    }
  }
  count_bytes(state, kChunk);
}
BENCHMARK(open);

void open_libsodium(benchmark::State& state) {
  Box box;
  cipher_seal(box.key, box.nonce, box.plain, box.sealed);
  for (auto _ : state) {
    if (crypto_aead_chacha20poly1305_ietf_decrypt(data(box.plain), nullptr, nullptr,
                                                  data(box.sealed), box.sealed.size(), nullptr, 0,
                                                  data(box.nonce), data(box.key)) != 0) {
      state.SkipWithError("not authentic");
      return;
    }
  }
  count_bytes(state, kChunk);
}
BENCHMARK(open_libsodium);

void hash(benchmark::State& state) {
  const Bytes bytes(MiB, std::byte{42});
  Hasher hasher;
  for (auto _ : state) {
    hasher.update(bytes);
  }
  benchmark::DoNotOptimize(hasher.finish());
  count_bytes(state, bytes.size());
}
BENCHMARK(hash);

void hash_libb2(benchmark::State& state) {
  const Bytes bytes(MiB, std::byte{42});
  blake2b_state libb2;
  blake2b_init(&libb2, 32);
  for (auto _ : state) {
    blake2b_update(&libb2, data(bytes), bytes.size());
  }
  std::array<std::uint8_t, 32> digest{};
  blake2b_final(&libb2, digest.data(), digest.size());
  benchmark::DoNotOptimize(digest);
  count_bytes(state, bytes.size());
}
BENCHMARK(hash_libb2);

}  // namespace
}  // namespace mixtape::format

BENCHMARK_MAIN();
