// SPDX-License-Identifier: Apache-2.0
#include "engine/format/tar_fields.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "tapeio/error.h"

namespace mixtape::format {
namespace {

std::int64_t get_base256(std::span<const char> field) {
  // The first byte is marker, sign and the six highest bits.
  const auto first = static_cast<unsigned char>(field[0]);
  std::int64_t value = first & 0x3f;
  if ((first & 0x40) != 0) {
    value -= 0x40;
  }
  for (const char byte : field.subspan(1)) {
    if (value > std::numeric_limits<std::int64_t>::max() / 256 ||
        value < std::numeric_limits<std::int64_t>::min() / 256) {
      throw Error(ErrorCode::corrupt, "number in tar header is too large");
    }
    value = value * 256 + static_cast<unsigned char>(byte);
  }
  return value;
}

}  // namespace

void put_number(std::span<char> field, std::int64_t value) {
  if (fits_octal(value, field.size())) {
    field.back() = '\0';
    for (std::size_t i = field.size() - 1; i-- > 0;) {
      field[i] = static_cast<char>('0' + (value & 7));
      value >>= 3;
    }
    return;
  }
  for (std::size_t i = field.size(); i-- > 0;) {
    field[i] = static_cast<char>(value & 0xff);
    value >>= 8;  // Arithmetic: a negative number fills the field with ones.
  }
  field[0] = static_cast<char>(static_cast<unsigned char>(field[0]) | 0x80);
}

std::int64_t get_number(std::span<const char> field) {
  if ((static_cast<unsigned char>(field[0]) & 0x80) != 0) {
    return get_base256(field);
  }
  std::size_t i = 0;
  while (i < field.size() && field[i] == ' ') {
    ++i;
  }
  // At most 12 digits of three bits: cannot overflow.
  std::int64_t value = 0;
  while (i < field.size() && field[i] >= '0' && field[i] <= '7') {
    value = value * 8 + (field[i++] - '0');
  }
  if (i < field.size() && field[i] != ' ' && field[i] != '\0') {
    throw Error(ErrorCode::corrupt, "number in tar header is not octal");
  }
  return value;
}

std::string_view get_text(std::span<const char> field) {
  const auto end = std::find(field.begin(), field.end(), '\0');
  return {field.data(), static_cast<std::size_t>(end - field.begin())};
}

std::uint32_t checksum_of(const UstarHeader& header) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  std::uint32_t sum = std::accumulate(bytes, bytes + sizeof header, std::uint32_t{0});
  for (const char byte : header.checksum) {
    sum += std::uint32_t{' '} - static_cast<unsigned char>(byte);
  }
  return sum;
}

void put_checksum(UstarHeader& header) {
  // Six digits, NUL, space: the form that the oldest readers expect.
  put_number(std::span(header.checksum, 7), checksum_of(header));
  header.checksum[7] = ' ';
}

bool is_plain_relative(std::string_view name) {
  if (name.find('\0') != std::string_view::npos) {
    return false;
  }
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view component = name.substr(0, slash);
    if (component.empty() || component == "." || component == "..") {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    name.remove_prefix(slash + 1);
  }
}

}  // namespace mixtape::format
