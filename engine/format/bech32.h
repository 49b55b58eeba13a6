// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/format/secret.h"

// Bech32 (BIP 173, without its limit of 90 characters): the text form of age keys.
//
// Format: archaeology/age.md, section "Keys as text"

namespace mixtape::format {

// Lower-case text; a Secret because it may be one.
Secret bech32_encode(std::string_view prefix, ByteView data);

struct Bech32 {
  std::string prefix;  // In lower case.
  Secret data;
};

// nullopt for mixed case, foreign characters, a wrong checksum or padding that is not zero.
std::optional<Bech32> bech32_decode(std::string_view text);

}  // namespace mixtape::format
