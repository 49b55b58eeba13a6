// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Byte views, sizes and byte order, for every room.

namespace mixtape {

using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
using Bytes = std::vector<std::byte>;

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;
inline constexpr std::uint64_t TiB = 1024 * GiB;

// The bytes of a text, not copied; `text` must outlive the view.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
// Throws Error{invalid} unless `hex` is an even number of hexadecimal digits.
Bytes from_hex(std::string_view hex);

template <typename Unsigned>
Unsigned load_big_endian(const std::byte* from) {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    value = static_cast<Unsigned>((value << 8) | std::to_integer<Unsigned>(from[i]));
  }
  return value;
}

template <typename Unsigned>
void store_big_endian(std::byte* to, Unsigned value) {
  for (std::size_t i = sizeof(Unsigned); i-- > 0;) {
    to[i] = static_cast<std::byte>(value & 0xff);
    value = static_cast<Unsigned>(value >> 8);
  }
}

// `value` rounded up to a multiple of `unit` (unit > 0).
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace mixtape
