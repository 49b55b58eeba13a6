// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_keys.h"

#include <sodium.h>

#include <algorithm>

#include "engine/format/bech32.h"
#include "engine/format/raw_bytes.h"
#include "engine/format/sodium_init.h"
#include "tapeio/error.h"

namespace mixtape::format {

namespace {

constexpr std::string_view kRecipientPrefix = "age";
// Written in upper case, but the checksum is over lower case.
constexpr std::string_view kIdentityPrefix = "age-secret-key-";
constexpr std::size_t kKeySize = 32;
// No key that we read is longer; checked before the text is worked on.
constexpr std::size_t kMaxKeyText = 128;

bool starts_with_folded(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() &&
         std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(), [](char want, char is) {
           return want == (is >= 'A' && is <= 'Z' ? static_cast<char>(is - 'A' + 'a') : is);
         });
}

// Other kinds of key have prefixes of their own: "age1pq", "age1yubikey", "AGE-SECRET-KEY-PQ-",
// "AGE-PLUGIN-NAME-". The data part of a key has no '1', so the first one after "age1" ends a
// prefix.
bool is_foreign_recipient(std::string_view text) {
  return text.starts_with("ssh-") ||
         (starts_with_folded(text, "age1") && text.substr(4).find('1') != std::string_view::npos);
}

// Recipients are public, but somebody may have taken an identity for one.
std::string shown(std::string_view text) {
  const bool secret = starts_with_folded(text, "age-");
  return secret ? "(a secret identity)" : '"' + std::string(text.substr(0, kMaxKeyText)) + '"';
}

std::optional<Secret> decode_key(std::string_view text, std::string_view prefix) {
  if (text.size() > kMaxKeyText) {
    return std::nullopt;
  }
  std::optional<Bech32> key = bech32_decode(text);
  if (!key || key->prefix != prefix || key->data.view().size() != kKeySize) {
    return std::nullopt;
  }
  return std::move(key->data);
}

}  // namespace

Recipient Recipient::parse(std::string_view text) {
  if (is_foreign_recipient(text)) {
    throw Error(ErrorCode::unsupported,
                "read recipient " + shown(text) +
                    ": only X25519 recipients (\"age1...\", 62 characters) " +
                    "are supported, not post-quantum, plugin or ssh keys");
  }
  const std::optional<Secret> point = decode_key(text, kRecipientPrefix);
  if (!point) {
    throw Error(ErrorCode::invalid, "read recipient " + shown(text) +
                                        ": not an age recipient (\"age1...\"), or mistyped");
  }
  Recipient recipient;
  std::copy(point->view().begin(), point->view().end(), recipient.point.begin());
  return recipient;
}

std::string Recipient::text() const {
  return std::string(as_text(bech32_encode(kRecipientPrefix, point).view()));
}

bool is_foreign_identity(std::string_view text) {
  return starts_with_folded(text, "age-plugin-") || starts_with_folded(text, "age-secret-key-pq-");
}

Identity Identity::generate() {
  Secret scalar(kKeySize);
  fill_random(scalar.bytes());
  return Identity(std::move(scalar));
}

Identity Identity::parse(std::string_view text) {
  if (is_foreign_identity(text)) {
    throw Error(
        ErrorCode::unsupported,
        "read identity: only X25519 identities (\"AGE-SECRET-KEY-1...\") are supported, not "
        "post-quantum or plugin keys");
  }
  std::optional<Identity> identity = try_parse(text);
  if (!identity) {
    throw Error(ErrorCode::invalid,
                "read identity: not an age identity (\"AGE-SECRET-KEY-1...\"), or mistyped");
  }
  return std::move(*identity);
}

std::optional<Identity> Identity::try_parse(std::string_view text) {
  std::optional<Secret> scalar = decode_key(text, kIdentityPrefix);
  return scalar ? std::optional(Identity(std::move(*scalar))) : std::nullopt;
}

Recipient Identity::recipient() const {
  require_sodium();
  Recipient recipient;
  crypto_scalarmult_curve25519_base(raw_out(recipient.point), raw(scalar_.view()));
  return recipient;
}

Secret Identity::text() const {
  Secret text = bech32_encode(kIdentityPrefix, scalar_.view());
  for (std::byte& byte : text.bytes()) {
    const char c = static_cast<char>(byte);
    byte = static_cast<std::byte>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return text;
}

}  // namespace mixtape::format
