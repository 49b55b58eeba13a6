// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tapeio/bytes.h"

// The text of an age header, taken apart but not yet understood. Internal to this room.
//
// Format: archaeology/age.md, section "Header"
// Errors: throws AgeError{header}.

namespace mixtape::format {

// "-> type argument argument", and the bytes that follow it in base64.
struct Stanza {
  std::vector<std::string> arguments;  // The type first; at least one.
  Bytes body;

  [[nodiscard]] const std::string& type() const { return arguments.front(); }
};

struct HeaderText {
  std::vector<Stanza> stanzas;  // At least one.
  std::array<std::byte, 32> mac{};
  std::size_t covered = 0;  // The MAC is over this many bytes of the file, "---" included.
  std::size_t size = 0;     // To and including the last LF.
};

// The header at the front of `start`; nullopt when it is incomplete but may still become one.
std::optional<HeaderText> parse_header_text(ByteView start);

// In the layout that the parser reads.
std::string stanza_text(const Stanza& stanza);

inline constexpr std::string_view kAgeVersionLine = "age-encryption.org/v1\n";
inline constexpr std::string_view kAgeMacLine = "---";

}  // namespace mixtape::format
