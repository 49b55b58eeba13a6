// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "engine/format/age_keys.h"
#include "engine/format/secret.h"
#include "engine/format/sodium_init.h"
#include "tapeio/error.h"

// The age v1 header: who can open the file, and the file key inside.
//
// Format: archaeology/age.md, section "Header"
// Errors: throws AgeError; its kind tells what was wrong with the file, in the words of the age
//         test vectors.

namespace mixtape::format {

enum class AgeFailure { header, hmac, no_match, payload, armor };

class AgeError : public Error {
 public:
  AgeError(AgeFailure failure,
           const std::string& message);  // no_match: not_permitted; else corrupt.
  [[nodiscard]] AgeFailure failure() const { return failure_; }

 private:
  AgeFailure failure_;
};

inline constexpr std::size_t kAgeNonceSize = 16;
// The longest header that is ever read, in bytes.
inline constexpr std::size_t kMaxAgeHeader = 64 * KiB;
// Highest scrypt work factor (log2 N) that is accepted; 18 is written.
inline constexpr int kMaxScryptLogN = 22;

// What begins an age file: header and payload nonce, and the key to what follows. One plaintext,
// ever.
struct AgePreamble {
  Bytes bytes;         // Header and nonce, as they stand in the file: P = bytes.size().
  Secret payload_key;  // 32 bytes.
};

// Where keys and nonces come from. Anything but the default is for tests that compare bytes: keys
// and nonces that repeat protect nothing.
using FillRandom = std::function<void(MutableBytes)>;

// A new random file key for these recipients (at least one).
AgePreamble make_preamble(std::span<const Recipient> recipients,
                          const FillRandom& random = fill_random);
// For a passphrase; nobody else may be a recipient of the same file. Cost: 2^log_n KiB of memory,
// about a second at 18; Error{unsupported} when the machine has less.
AgePreamble make_scrypt_preamble(ByteView passphrase, int log_n = 18,
                                 const FillRandom& random = fill_random);

// How many bytes of `start` are the header (to and including the last line's LF); nullopt when more
// input is needed. Throws AgeError{header} as soon as it cannot become one.
std::optional<std::size_t> header_size(ByteView start);

// Opens a preamble: `bytes` is exactly header and nonce. A header without its whole nonce fails as
// AgeError{header}, but only after the header itself was opened.
AgePreamble open_preamble(ByteView bytes, std::span<const Identity> identities);
AgePreamble open_scrypt_preamble(ByteView bytes, ByteView passphrase);
// True when the (well-formed) header asks for a passphrase.
bool needs_passphrase(ByteView header);

}  // namespace mixtape::format
