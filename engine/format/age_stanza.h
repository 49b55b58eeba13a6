// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "engine/format/age_grammar.h"
#include "engine/format/age_keys.h"
#include "engine/format/secret.h"

// The two kinds of stanza that we understand: the file key wrapped for a recipient or a passphrase.
// Internal to this room.
//
// Format: archaeology/age.md, sections "X25519 stanza" and "scrypt stanza"
// Errors: throws AgeError{header} for a stanza of a known type that is malformed.

namespace mixtape::format {

inline constexpr std::size_t kFileKeySize = 16;

// All stanzas of known types are well formed, and a scrypt stanza stands alone.
void check_stanzas(const HeaderText& header);
bool is_x25519(const Stanza& stanza);
bool is_scrypt(const Stanza& stanza);

// The stanza has passed check_stanzas. nullopt: wrapped for somebody else.
std::optional<Secret> unwrap_x25519(const Stanza& stanza, const Identity& identity);
std::optional<Secret> unwrap_scrypt(const Stanza& stanza, ByteView passphrase);

// `ephemeral`: 32 random bytes that are used once.
Stanza wrap_x25519(const Secret& file_key, const Recipient& recipient, const Secret& ephemeral);
// `salt`: 16 random bytes.
Stanza wrap_scrypt(const Secret& file_key, ByteView passphrase, ByteView salt, int log_n);

inline constexpr std::size_t kScryptSaltSize = 16;

}  // namespace mixtape::format
