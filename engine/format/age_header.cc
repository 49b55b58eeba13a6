// SPDX-License-Identifier: Apache-2.0
#include "engine/format/age_header.h"

#include <algorithm>
#include <string>

#include "engine/format/age_grammar.h"
#include "engine/format/age_primitives.h"
#include "engine/format/age_stanza.h"
#include "engine/format/sodium_init.h"

namespace mixtape::format {

namespace {

constexpr std::string_view kHeaderLabel = "header";
constexpr std::string_view kPayloadLabel = "payload";

Secret random_secret(std::size_t size, const FillRandom& random) {
  Secret bytes(size);
  random(bytes.bytes());
  return bytes;
}

std::array<std::byte, 32> header_mac(const Secret& file_key, ByteView covered) {
  return hmac_sha256(hkdf_sha256(file_key.view(), {}, kHeaderLabel).view(), covered);
}

Secret payload_key(const Secret& file_key, ByteView nonce) {
  return hkdf_sha256(file_key.view(), nonce, kPayloadLabel);
}

HeaderText whole_header(ByteView bytes) {
  std::optional<HeaderText> header = parse_header_text(bytes);
  if (!header) {
    throw AgeError(AgeFailure::header, "read age header: it ends too early");
  }
  check_stanzas(*header);
  return std::move(*header);
}

AgePreamble assemble(const std::vector<Stanza>& stanzas, const Secret& file_key,
                     const FillRandom& random) {
  std::string text(kAgeVersionLine);
  for (const Stanza& stanza : stanzas) {
    text += stanza_text(stanza);
  }
  text += kAgeMacLine;
  const auto mac = header_mac(file_key, as_bytes(text));
  text += ' ' + base64_encode(mac, Padding::none) + '\n';
  if (text.size() > kMaxAgeHeader) {
    throw Error(ErrorCode::invalid, "write age header: more recipients than a header may hold");
  }
  std::array<std::byte, kAgeNonceSize> nonce{};
  random(nonce);
  Bytes bytes(as_bytes(text).begin(), as_bytes(text).end());
  bytes.insert(bytes.end(), nonce.begin(), nonce.end());
  return {.bytes = std::move(bytes), .payload_key = payload_key(file_key, nonce)};
}

// The order of these checks is part of the format: whoever holds no key learns nothing of the MAC.
AgePreamble open_with(const HeaderText& header, ByteView bytes, std::optional<Secret> file_key) {
  if (!file_key) {
    const bool wants_passphrase = is_scrypt(header.stanzas.front());
    throw AgeError(AgeFailure::no_match,
                   wants_passphrase
                       ? "open age file: it is protected by a passphrase, and this is not it"
                       : "open age file: none of your keys opens this");
  }
  if (!equal_in_constant_time(header_mac(*file_key, bytes.first(header.covered)), header.mac)) {
    throw AgeError(AgeFailure::hmac, "open age file: the header was changed (its MAC is wrong)");
  }
  if (bytes.size() != header.size + kAgeNonceSize) {
    throw AgeError(
        AgeFailure::header,
        "open age file: the header is not followed by the 16 bytes of the payload nonce");
  }
  return {.bytes = Bytes(bytes.begin(), bytes.end()),
          .payload_key = payload_key(*file_key, bytes.subspan(header.size))};
}

std::optional<Secret> find_file_key(const HeaderText& header,
                                    std::span<const Identity> identities) {
  for (const Identity& identity : identities) {
    for (const Stanza& stanza : header.stanzas) {
      if (!is_x25519(stanza)) {
        continue;
      }
      if (std::optional<Secret> file_key = unwrap_x25519(stanza, identity)) {
        return file_key;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

AgeError::AgeError(AgeFailure failure, const std::string& message)
    : Error(failure == AgeFailure::no_match ? ErrorCode::not_permitted : ErrorCode::corrupt,
            message),
      failure_(failure) {}

AgePreamble make_preamble(std::span<const Recipient> recipients, const FillRandom& random) {
  if (recipients.empty()) {
    throw Error(ErrorCode::invalid, "write age header: nobody to encrypt to");
  }
  const Secret file_key = random_secret(kFileKeySize, random);
  std::vector<Stanza> stanzas;
  for (const Recipient& recipient : recipients) {
    stanzas.push_back(wrap_x25519(file_key, recipient, random_secret(32, random)));
  }
  return assemble(stanzas, file_key, random);
}

AgePreamble make_scrypt_preamble(ByteView passphrase, int log_n, const FillRandom& random) {
  if (log_n < 1 || log_n > kMaxScryptLogN) {
    throw Error(ErrorCode::invalid, "write age header: scrypt work factor " +
                                        std::to_string(log_n) + " is not between 1 and " +
                                        std::to_string(kMaxScryptLogN));
  }
  const Secret file_key = random_secret(kFileKeySize, random);
  std::array<std::byte, kScryptSaltSize> salt{};
  random(salt);
  return assemble({wrap_scrypt(file_key, passphrase, salt, log_n)}, file_key, random);
}

std::optional<std::size_t> header_size(ByteView start) {
  const std::optional<HeaderText> header = parse_header_text(start);
  return header ? std::optional(header->size) : std::nullopt;
}

AgePreamble open_preamble(ByteView bytes, std::span<const Identity> identities) {
  const HeaderText header = whole_header(bytes);
  return open_with(header, bytes, find_file_key(header, identities));
}

AgePreamble open_scrypt_preamble(ByteView bytes, ByteView passphrase) {
  const HeaderText header = whole_header(bytes);
  const Stanza& stanza = header.stanzas.front();
  return open_with(header, bytes,
                   is_scrypt(stanza) ? unwrap_scrypt(stanza, passphrase) : std::nullopt);
}

bool needs_passphrase(ByteView header) {
  return is_scrypt(whole_header(header).stanzas.front());
}

}  // namespace mixtape::format
