// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_primitives.h"

#include <sodium.h>

#include <cstdint>
#include <fstream>
#include <utility>

#include "engine/format/raw_bytes.h"
#include "engine/format/sodium_init.h"
#include "tapeio/error.h"

namespace mixtape::format {

namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::uint32_t kScryptR = 8;
constexpr std::uint32_t kScryptP = 1;
constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int variant(Padding padding) {
  return padding == Padding::none ? sodium_base64_VARIANT_ORIGINAL_NO_PADDING
                                  : sodium_base64_VARIANT_ORIGINAL;
}

class Hmac {
 public:
  explicit Hmac(ByteView key) {
    require_sodium();
    crypto_auth_hmacsha256_init(&state_, raw(key), key.size());
  }
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;
  ~Hmac() { sodium_memzero(&state_, sizeof state_); }

  void add(ByteView bytes) { crypto_auth_hmacsha256_update(&state_, raw(bytes), bytes.size()); }
  void finish(MutableBytes into) {
    MIXTAPE_ASSERT(into.size() == crypto_auth_hmacsha256_BYTES);
    crypto_auth_hmacsha256_final(&state_, raw_out(into));
  }

 private:
  crypto_auth_hmacsha256_state state_;
};

// What the kernel believes can be had without swapping; nullopt where /proc does not say. Linux
// hands out more than it has and kills a process later, so a failed allocation would come too late.
std::optional<std::uint64_t> available_memory() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string word; meminfo >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "MemAvailable:" && meminfo >> kibibytes) {
      return kibibytes * KiB;
    }
  }
  return std::nullopt;
}

}  // namespace

Secret hkdf_sha256(ByteView key_material, ByteView salt, std::string_view info) {
  Secret pseudo_random_key(kKeySize);
  Hmac extract(salt);
  extract.add(key_material);
  extract.finish(pseudo_random_key.bytes());

  Secret key(kKeySize);
  Hmac expand(pseudo_random_key.view());
  expand.add(as_bytes(info));
  constexpr std::byte kFirstBlock{1};
  expand.add({&kFirstBlock, 1});
  expand.finish(key.bytes());
  return key;
}

std::array<std::byte, 32> hmac_sha256(ByteView key, ByteView message) {
  std::array<std::byte, 32> code{};
  Hmac hmac(key);
  hmac.add(message);
  hmac.finish(code);
  return code;
}

bool equal_in_constant_time(ByteView left, ByteView right) {
  return left.size() == right.size() && sodium_memcmp(left.data(), right.data(), left.size()) == 0;
}

Secret scrypt_key(ByteView passphrase, ByteView salt, int log_n) {
  const std::uint64_t rounds = std::uint64_t{1} << log_n;
  const std::uint64_t memory = 128 * kScryptR * rounds;
  const auto wants = [&] {
    return "derive a key from a passphrase with work factor " + std::to_string(log_n) + ": needs " +
           std::to_string(memory / MiB) + " MiB of memory";
  };
  if (const auto available = available_memory(); available && *available < memory) {
    throw Error(ErrorCode::unsupported,
                wants() + ", " + std::to_string(*available / MiB) + " MiB are available");
  }
  require_sodium();
  Secret key(kKeySize);
  if (crypto_pwhash_scryptsalsa208sha256_ll(raw(passphrase), passphrase.size(), raw(salt),
                                            salt.size(), rounds, kScryptR, kScryptP,
                                            raw_out(key.bytes()), kKeySize) != 0) {
    throw Error(ErrorCode::unsupported, wants());
  }
  return key;
}

std::string base64_encode(ByteView bytes, Padding padding) {
  // libsodium also writes a final zero, which std::string has room for anyway.
  std::string text(sodium_base64_encoded_len(bytes.size(), variant(padding)) - 1, '\0');
  sodium_bin2base64(text.data(), text.size() + 1, raw(bytes), bytes.size(), variant(padding));
  return text;
}

// Not libsodium's decoder: where char is signed, 1.0.18 takes the bytes ab and af for '+' and '/',
// and a header that reads the same in two spellings is not canonical.
std::optional<Bytes> base64_decode(std::string_view text, Padding padding) {
  if (padding == Padding::required) {
    if (text.size() % 4 != 0) {
      return std::nullopt;
    }
    for (int fill = 0; fill < 2 && text.ends_with('='); ++fill) {
      text.remove_suffix(1);
    }
  }
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::size_t value = kBase64Alphabet.find(c);
    if (value == std::string_view::npos) {
      return std::nullopt;
    }
    bits = ((bits << 6) | static_cast<std::uint32_t>(value)) & 0xfff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<std::byte>((bits >> held) & 0xff));
    }
  }
  const bool leftover_is_zero = held < 6 && (bits & ((1U << held) - 1)) == 0;
  return leftover_is_zero ? std::optional(std::move(bytes)) : std::nullopt;
}

}  // namespace mixtape::format
