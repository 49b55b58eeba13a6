// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/format/age_header.h"
#include "engine/format/age_keys.h"
#include "engine/format/age_stream.h"
#include "tapeio/byte_stream.h"

// age files in memory, for the tests of age.

namespace mixtape::format::test {

class MemorySource final : public ByteSource {
 public:
  // Gives at most `piece` bytes at once, as pipes do.
  explicit MemorySource(ByteView bytes, std::size_t piece = SIZE_MAX)
      : rest_(bytes), piece_(piece) {}
  std::size_t read(MutableBytes into) override {
    const std::size_t size = std::min({into.size(), rest_.size(), piece_});
    std::copy_n(rest_.begin(), size, into.begin());
    rest_ = rest_.subspan(size);
    return size;
  }

 private:
  ByteView rest_;
  std::size_t piece_;
};

class MemorySink final : public ByteSink {
 public:
  void write(ByteView bytes) override { content.insert(content.end(), bytes.begin(), bytes.end()); }
  void finish() override { finished = true; }

  Bytes content;
  bool finished = false;
};

inline Bytes bytes_of(std::string_view text) {
  return {as_bytes(text).begin(), as_bytes(text).end()};
}

inline Bytes joined(ByteView first, ByteView second) {
  Bytes all(first.begin(), first.end());
  all.insert(all.end(), second.begin(), second.end());
  return all;
}

// The same "random" bytes in every run.
class Counting {
 public:
  explicit Counting(std::uint8_t start) : next_(start) {}
  void operator()(MutableBytes into) {
    for (std::byte& byte : into) {
      byte = static_cast<std::byte>(next_++);
    }
  }

 private:
  std::uint8_t next_;
};

// A whole age file, written in pieces of `piece` bytes.
inline Bytes sealed_file(const AgePreamble& preamble, ByteView plain,
                         std::size_t piece = SIZE_MAX) {
  MemorySink sink;
  AgeEncryptor encryptor(preamble, sink);
  while (!plain.empty()) {
    const std::size_t size = std::min(piece, plain.size());
    encryptor.write(plain.first(size));
    plain = plain.subspan(size);
  }
  encryptor.finish();
  return std::move(sink.content);
}

// What a reader got, and how it ended.
struct Opened {
  Bytes plain;
  std::optional<AgeFailure> failure;
};

// Reads with a buffer of `step` bytes from a source that gives `piece` bytes at once.
inline Opened open_file(ByteView file, const OpenPreamble& open, std::size_t step = 256 * KiB,
                        std::size_t piece = SIZE_MAX, bool allow_armor = true) {
  MemorySource source(file, piece);
  AgeDecryptor decryptor(source, open, allow_armor);
  Opened opened;
  Bytes buffer(step);
  try {
    while (const std::size_t size = decryptor.read(buffer)) {
      opened.plain.insert(opened.plain.end(), buffer.begin(),
                          buffer.begin() + static_cast<std::ptrdiff_t>(size));
    }
  } catch (const AgeError& error) {
    opened.failure = error.failure();
  }
  return opened;
}

inline OpenPreamble with(const Identity& identity) {
  return [&identity](ByteView preamble) { return open_preamble(preamble, {&identity, 1}); };
}

inline OpenPreamble with_passphrase(std::string_view passphrase) {
  return [passphrase](ByteView preamble) {
    return open_scrypt_preamble(preamble, as_bytes(passphrase));
  };
}

// How opening a preamble ends; nullopt: well.
template <typename Action>
std::optional<AgeFailure> failure_of(Action action) {
  try {
    action();
  } catch (const AgeError& error) {
    return error.failure();
  }
  return std::nullopt;
}

template <typename Action>
std::optional<ErrorCode> error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

// Low: the tests derive many keys.
inline constexpr int kTestLogN = 4;

}  // namespace mixtape::format::test

namespace mixtape::format {

// For messages of failed tests.
inline void PrintTo(AgeFailure failure, std::ostream* out) {
  constexpr std::string_view kNames[] = {"header failure", "HMAC failure", "no match",
                                         "payload failure", "armor failure"};
  *out << kNames[static_cast<int>(failure)];
}

}  // namespace mixtape::format
