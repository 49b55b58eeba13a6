// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "tapeio/bytes.h"

// ChaCha20-Poly1305 (RFC 8439) without associated data: the one sealed box of the program.
//
// Which library does it is decided here alone: docs/decisions/0001-chunk-cipher.md.
//
// Threads: any; each keeps its own working state, nothing is allocated per call.

namespace mixtape::format {

inline constexpr std::size_t kCipherKeySize = 32;
inline constexpr std::size_t kCipherNonceSize = 12;
inline constexpr std::size_t kCipherTagSize = 16;

// `sealed` becomes ciphertext and tag; it is plain.size() + 16 long and does not overlap `plain`.
void cipher_seal(ByteView key, ByteView nonce, ByteView plain, MutableBytes sealed);

// False when `sealed` is not authentic; `plain` (sealed.size() - 16 long, no overlap) is then
// zeros.
[[nodiscard]] bool cipher_open(ByteView key, ByteView nonce, ByteView sealed, MutableBytes plain);

}  // namespace mixtape::format
