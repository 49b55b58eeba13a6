// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/format/secret.h"

// What age is built from, besides the cipher: key derivation, message authentication, base64.
// Internal to this room.
//
// Format:  archaeology/age.md, sections "Hashes and keys" and "Base64"
// Threads: any.

namespace mixtape::format {

// One block (32 bytes) of HKDF-SHA-256; an empty salt is a key of length zero.
Secret hkdf_sha256(ByteView key_material, ByteView salt, std::string_view info);

std::array<std::byte, 32> hmac_sha256(ByteView key, ByteView message);

[[nodiscard]] bool equal_in_constant_time(ByteView left, ByteView right);

// 32 bytes. N = 2^log_n, r = 8, p = 1. Throws Error{unsupported} when the machine lacks the memory,
// which is 2^log_n KiB.
Secret scrypt_key(ByteView passphrase, ByteView salt, int log_n);

enum class Padding { none, required };
std::string base64_encode(ByteView bytes, Padding padding);
// nullopt unless `text` is the one canonical encoding of some bytes: unused bits zero, no white
// space.
std::optional<Bytes> base64_decode(std::string_view text, Padding padding);

}  // namespace mixtape::format
