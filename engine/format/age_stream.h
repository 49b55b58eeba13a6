// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/format/age_header.h"
#include "tapeio/byte_stream.h"

// The age v1 payload: 64 KiB chunks, each sealed with its position (STREAM over ChaCha20-Poly1305).
//
// Format:  archaeology/age.md, section "Payload"; padding to records: "Records" in tape-format.md
// Threads: seal_chunk and open_chunk are pure: any number of threads, any order of chunks.
// Errors:  throws AgeError{payload}.

namespace mixtape::format {

inline constexpr std::size_t kChunk = 64 * KiB;           // Plaintext of a full chunk.
inline constexpr std::size_t kSealedChunk = kChunk + 16;  // The same on tape.

// Size arithmetic. `preamble`: header and nonce bytes. `plain`: plaintext bytes.
std::uint64_t chunk_count(std::uint64_t plain);
std::uint64_t cipher_size(std::uint64_t preamble, std::uint64_t plain);
// nullopt when no plaintext has this ciphertext size.
std::optional<std::uint64_t> plain_size(std::uint64_t preamble, std::uint64_t cipher);
// The smallest plaintext >= `plain` whose age file is a whole number of records.
std::uint64_t padded_plain_size(std::uint64_t preamble, std::uint64_t plain, std::uint64_t record);

// `sealed` must be plain.size() + 16 long; `plain` is a full chunk unless `last`.
void seal_chunk(const Secret& payload_key, std::uint64_t index, bool last, ByteView plain,
                MutableBytes sealed);
// `plain` must be sealed.size() - 16 long. Throws AgeError{payload} when the chunk is not
// authentic; `plain` is then zeros.
void open_chunk(const Secret& payload_key, std::uint64_t index, bool last, ByteView sealed,
                MutableBytes plain);
// The same with false instead of an exception, for who must find out whether a full chunk is the
// last.
[[nodiscard]] bool try_open_chunk(const Secret& payload_key, std::uint64_t index, bool last,
                                  ByteView sealed, MutableBytes plain);

// Streams: one age file, whole, in order. The encryptor writes the preamble first. `preamble` and
// `out` must outlive it.
class AgeEncryptor final : public ByteSink {
 public:
  AgeEncryptor(const AgePreamble& preamble, ByteSink& out);
  ~AgeEncryptor() override;
  void write(ByteView bytes) override;
  void finish() override;  // Writes the final chunk; does not finish `out`.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Gives the key of the file whose header was met.
using OpenPreamble = std::function<AgePreamble(ByteView header_and_nonce)>;

// Decrypts an age file, armored or binary (armor only when `allow_armor`). Every byte it returns is
// authenticated; the end is only reported (0) when the final chunk was seen and nothing follows it.
class AgeDecryptor final : public ByteSource {
 public:
  AgeDecryptor(ByteSource& in, OpenPreamble open, bool allow_armor = false);
  ~AgeDecryptor() override;
  std::size_t read(MutableBytes into) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::format
