// SPDX-License-Identifier: Apache-2.0
#include "engine/format/bech32.h"

#include <array>
#include <cstdint>

#include "tapeio/error.h"

namespace mixtape::format {

namespace {

constexpr std::string_view kSymbols = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t kChecksumSymbols = 6;

// The BCH code of BIP 173 over GF(32), one 5-bit value at a time.
class Checksum {
 public:
  explicit Checksum(std::string_view prefix) {
    for (const char c : prefix) {
      add(static_cast<unsigned char>(c) >> 5);
    }
    add(0);
    for (const char c : prefix) {
      add(static_cast<unsigned char>(c) & 31);
    }
  }

  void add(std::uint32_t value) {
    static constexpr std::array<std::uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                                                0x3d4233dd, 0x2a1462b3};
    const std::uint32_t top = state_ >> 25;
    state_ = ((state_ & 0x1ffffff) << 5) ^ value;
    for (std::size_t i = 0; i < kGenerator.size(); ++i) {
      state_ ^= ((top >> i) & 1) != 0 ? kGenerator[i] : 0;
    }
  }

  [[nodiscard]] bool holds() const { return state_ == 1; }

  // The six values that make a checksum hold.
  [[nodiscard]] std::array<std::uint32_t, kChecksumSymbols> closing() const {
    Checksum after = *this;
    std::array<std::uint32_t, kChecksumSymbols> values{};
    for (std::size_t i = 0; i < kChecksumSymbols; ++i) {
      after.add(0);
    }
    for (std::size_t i = 0; i < kChecksumSymbols; ++i) {
      values[i] = ((after.state_ ^ 1) >> (5 * (kChecksumSymbols - 1 - i))) & 31;
    }
    return values;
  }

 private:
  std::uint32_t state_ = 1;
};

// In lower case; nullopt when cases are mixed or a character is not printable.
std::optional<Secret> folded(std::string_view text) {
  bool lower = false;
  bool upper = false;
  Secret copy(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c < 0x21 || c > 0x7e) {
      return std::nullopt;
    }
    lower = lower || (c >= 'a' && c <= 'z');
    if (c >= 'A' && c <= 'Z') {
      upper = true;
      c = static_cast<char>(c - 'A' + 'a');
    }
    copy.bytes()[i] = static_cast<std::byte>(c);
  }
  return lower && upper ? std::nullopt : std::optional(std::move(copy));
}

}  // namespace

Secret bech32_encode(std::string_view prefix, ByteView data) {
  Checksum checksum(prefix);
  Secret text(prefix.size() + 1 + (data.size() * 8 + 4) / 5 + kChecksumSymbols);
  std::size_t at = 0;
  const auto put = [&](char c) { text.bytes()[at++] = static_cast<std::byte>(c); };
  for (const char c : prefix) {
    put(c);
  }
  put('1');
  std::uint32_t bits = 0;
  int held = 0;
  const auto put_value = [&](std::uint32_t value) {
    checksum.add(value);
    put(kSymbols[value]);
  };
  for (const std::byte byte : data) {
    bits = ((bits << 8) | std::to_integer<std::uint32_t>(byte)) & 0xfff;
    for (held += 8; held >= 5; held -= 5) {
      put_value((bits >> (held - 5)) & 31);
    }
  }
  if (held > 0) {
    put_value((bits << (5 - held)) & 31);
  }
  for (const std::uint32_t value : checksum.closing()) {
    put(kSymbols[value]);
  }
  MIXTAPE_ASSERT(at == text.view().size());
  return text;
}

std::optional<Bech32> bech32_decode(std::string_view text) {
  const std::optional<Secret> lower = folded(text);
  if (!lower) {
    return std::nullopt;
  }
  const std::string_view folded_text = as_text(lower->view());
  const std::size_t separator = folded_text.rfind('1');
  if (separator == std::string_view::npos || separator == 0 ||
      folded_text.size() - separator - 1 < kChecksumSymbols) {
    return std::nullopt;
  }
  const std::string_view prefix = folded_text.substr(0, separator);
  const std::string_view symbols = folded_text.substr(separator + 1);
  const std::size_t data_symbols = symbols.size() - kChecksumSymbols;
  Checksum checksum(prefix);
  Secret data(data_symbols * 5 / 8);
  std::size_t at = 0;
  std::uint32_t bits = 0;
  int held = 0;
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    const std::size_t value = kSymbols.find(symbols[i]);
    if (value == std::string_view::npos) {
      return std::nullopt;
    }
    checksum.add(static_cast<std::uint32_t>(value));
    if (i >= data_symbols) {
      continue;
    }
    bits = ((bits << 5) | static_cast<std::uint32_t>(value)) & 0xfff;
    held += 5;
    if (held >= 8) {
      held -= 8;
      data.bytes()[at++] = static_cast<std::byte>((bits >> held) & 0xff);
    }
  }
  const bool padding_is_zero = held < 5 && (bits & ((1U << held) - 1)) == 0;
  if (!checksum.holds() || !padding_is_zero) {
    return std::nullopt;
  }
  return Bech32{std::string(prefix), std::move(data)};
}

}  // namespace mixtape::format
