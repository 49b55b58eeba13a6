// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

// Small text files of "key = value" lines, as people edit them: blanks around both do not count,
// empty lines and those that begin with # say nothing.
//
// Threads:  none needed: values.
// Lifetime: what is returned points into `text`.

namespace mixtape::tapeio {

struct KeyValue {
  std::string_view key, value;
};

// In the order of the lines, a key as often as it stands there; nullopt for a line without '='.
[[nodiscard]] std::optional<std::vector<KeyValue>> parse_key_values(std::string_view text);

// Decimal digits and nothing else; nullopt also for more than 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view digits);

// Without the blanks at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace mixtape::tapeio
