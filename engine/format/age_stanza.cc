// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_stanza.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "engine/format/age_header.h"
#include "engine/format/age_primitives.h"
#include "engine/format/cipher.h"
#include "engine/format/raw_bytes.h"
#include "engine/format/sodium_init.h"

namespace mixtape::format {

namespace {

constexpr std::string_view kX25519 = "X25519";
constexpr std::string_view kScrypt = "scrypt";
// Both a label of key derivation and, for scrypt, a prefix of the salt.
constexpr std::string_view kX25519Label = "age-encryption.org/v1/X25519";
constexpr std::string_view kScryptLabel = "age-encryption.org/v1/scrypt";
constexpr std::size_t kPointSize = 32;
constexpr std::size_t kWrappedKeySize = kFileKeySize + kCipherTagSize;
// Each wrap key is used for one message, so its nonce may be constant.
constexpr std::array<std::byte, kCipherNonceSize> kZeroNonce{};

[[noreturn]] void refuse(const std::string& why) {
  throw AgeError(AgeFailure::header, "read age header: " + why);
}

Bytes decoded_argument(const Stanza& stanza, std::size_t index, std::size_t size) {
  std::optional<Bytes> bytes = base64_decode(stanza.arguments[index], Padding::none);
  if (!bytes || bytes->size() != size) {
    refuse("argument " + std::to_string(index) + " of a stanza of type " + stanza.type() +
           " is not canonical base64 of " + std::to_string(size) + " bytes");
  }
  return std::move(*bytes);
}

// Decimal without sign or leading zero.
int work_factor(const Stanza& stanza) {
  const std::string& text = stanza.arguments[2];
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || text.starts_with('0') || text.empty()) {
    refuse("the work factor of a stanza of type scrypt is not a plain number");
  }
  // Three digits are beyond the limit whatever they are.
  const int log_n = text.size() > 2 ? kMaxScryptLogN + 1 : std::stoi(text);
  if (log_n > kMaxScryptLogN) {
    refuse("scrypt work factor " + text.substr(0, 20) + " is above " +
           std::to_string(kMaxScryptLogN) + ", the highest that is accepted");
  }
  return log_n;
}

void expect_shape(const Stanza& stanza, std::size_t arguments) {
  if (stanza.arguments.size() != arguments) {
    refuse("a stanza of type " + stanza.type() + " has " +
           std::to_string(stanza.arguments.size() - 1) + " arguments instead of " +
           std::to_string(arguments - 1));
  }
  // Before anything is decrypted: a file key of another size would tell which of several keys opens
  // it.
  if (stanza.body.size() != kWrappedKeySize) {
    refuse("the body of a stanza of type " + stanza.type() + " is not 32 bytes long");
  }
}

// False for points of low order, which make every shared secret zero.
bool shared_secret(const Secret& scalar, ByteView point, Secret& shared) {
  require_sodium();
  return crypto_scalarmult_curve25519(raw_out(shared.bytes()), raw(scalar.view()), raw(point)) == 0;
}

Secret x25519_wrap_key(const Secret& shared, ByteView share, const Recipient& recipient) {
  Bytes salt(share.begin(), share.end());
  salt.insert(salt.end(), recipient.point.begin(), recipient.point.end());
  return hkdf_sha256(shared.view(), salt, kX25519Label);
}

Secret scrypt_wrap_key(ByteView passphrase, ByteView salt, int log_n) {
  Bytes labelled(as_bytes(kScryptLabel).begin(), as_bytes(kScryptLabel).end());
  labelled.insert(labelled.end(), salt.begin(), salt.end());
  return scrypt_key(passphrase, labelled, log_n);
}

Bytes wrap(const Secret& wrap_key, const Secret& file_key) {
  Bytes body(kWrappedKeySize);
  cipher_seal(wrap_key.view(), kZeroNonce, file_key.view(), body);
  return body;
}

std::optional<Secret> unwrap(const Secret& wrap_key, ByteView body) {
  Secret file_key(kFileKeySize);
  if (!cipher_open(wrap_key.view(), kZeroNonce, body, file_key.bytes())) {
    return std::nullopt;
  }
  return file_key;
}

}  // namespace

bool is_x25519(const Stanza& stanza) {
  return stanza.type() == kX25519;
}
bool is_scrypt(const Stanza& stanza) {
  return stanza.type() == kScrypt;
}

void check_stanzas(const HeaderText& header) {
  for (const Stanza& stanza : header.stanzas) {
    if (is_x25519(stanza)) {
      expect_shape(stanza, 2);
      (void)decoded_argument(stanza, 1, kPointSize);
    } else if (is_scrypt(stanza)) {
      if (header.stanzas.size() != 1) {
        refuse("a passphrase stanza that is not alone");
      }
      expect_shape(stanza, 3);
      (void)decoded_argument(stanza, 1, kScryptSaltSize);
      (void)work_factor(stanza);
    }
  }
}

std::optional<Secret> unwrap_x25519(const Stanza& stanza, const Identity& identity) {
  const Bytes share = decoded_argument(stanza, 1, kPointSize);
  Secret shared(kPointSize);
  if (!shared_secret(identity.scalar(), share, shared)) {
    refuse("the share of a stanza of type X25519 is a point of low order");
  }
  return unwrap(x25519_wrap_key(shared, share, identity.recipient()), stanza.body);
}

std::optional<Secret> unwrap_scrypt(const Stanza& stanza, ByteView passphrase) {
  const Bytes salt = decoded_argument(stanza, 1, kScryptSaltSize);
  return unwrap(scrypt_wrap_key(passphrase, salt, work_factor(stanza)), stanza.body);
}

Stanza wrap_x25519(const Secret& file_key, const Recipient& recipient, const Secret& ephemeral) {
  require_sodium();
  std::array<std::byte, kPointSize> share{};
  crypto_scalarmult_curve25519_base(raw_out(share), raw(ephemeral.view()));
  Secret shared(kPointSize);
  if (!shared_secret(ephemeral, recipient.point, shared)) {
    throw Error(ErrorCode::invalid, "encrypt to " + recipient.text() +
                                        ": a point of low order, which protects nothing");
  }
  return {.arguments = {std::string(kX25519), base64_encode(share, Padding::none)},
          .body = wrap(x25519_wrap_key(shared, share, recipient), file_key)};
}

Stanza wrap_scrypt(const Secret& file_key, ByteView passphrase, ByteView salt, int log_n) {
  return {.arguments = {std::string(kScrypt), base64_encode(salt, Padding::none),
                        std::to_string(log_n)},
          .body = wrap(scrypt_wrap_key(passphrase, salt, log_n), file_key)};
}

}  // namespace mixtape::format
