// SPDX-License-Identifier: Apache-2.0
#include "engine/format/tar_pax.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "tapeio/error.h"

namespace mixtape::format {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::size_t digits_of(std::size_t number) {
  std::size_t digits = 1;
  while (number >= 10) {
    number /= 10;
    ++digits;
  }
  return digits;
}

char* put(char* at, std::string_view text) {
  return std::copy(text.begin(), text.end(), at);
}

[[noreturn]] void fail(std::string_view keyword, std::string_view why) {
  throw Error(ErrorCode::corrupt,
              "pax record " + std::string(keyword) + " of a tar member " + std::string(why));
}

std::uint64_t parse_number(std::string_view keyword, std::string_view text, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size() || number > most) {
    fail(keyword, "is no number in its range");
  }
  return number;
}

// Digits beyond nanoseconds are dropped.
std::int64_t parse_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view number = text.substr(negative ? 1 : 0);
  const std::size_t point = number.find('.');
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::string fraction(point == std::string_view::npos ? "" : number.substr(point + 1));
  fraction.resize(9, '0');
  // Seconds are bounded first, so that this cannot overflow 64 bits.
  const std::uint64_t magnitude =
      parse_number("mtime", number.substr(0, point), kMost / kSecond) * kSecond +
      parse_number("mtime", fraction, kSecond);
  if (magnitude > kMost + (negative ? 1 : 0)) {
    fail("mtime", "is beyond the years 1678 to 2262");
  }
  return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

std::optional<std::string> text_or_nothing(std::string_view keyword, std::string_view value) {
  if (value.find('\0') != std::string_view::npos) {
    fail(keyword, "contains a NUL");
  }
  return value.empty() ? std::nullopt : std::optional<std::string>(value);
}

template <typename Number>
std::optional<Number> number_or_nothing(std::string_view keyword, std::string_view value,
                                        std::uint64_t most) {
  if (value.empty()) {
    return std::nullopt;
  }
  return static_cast<Number>(parse_number(keyword, value, most));
}

constexpr std::uint64_t kMostBytes = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kMostId = std::numeric_limits<std::uint32_t>::max();

std::string unescape_xattr_name(std::string_view escaped) {
  std::string name;
  while (!escaped.empty()) {
    const bool percent = escaped.starts_with("%25");
    const bool equals = escaped.starts_with("%3D");
    name += percent ? '%' : equals ? '=' : escaped.front();
    escaped.remove_prefix(percent || equals ? 3 : 1);
  }
  return name;
}

}  // namespace

std::size_t pax_record_size(const PaxRecord& record) {
  const std::size_t rest = 1 + record.keyword.size() + record.keyword_tail.size() + 1 +
                           record.value.size() + record.value_tail.size() + 1;
  // The length counts its own digits, of which the sum may need one more.
  const std::size_t digits = digits_of(rest);
  return rest + std::max(digits, digits_of(rest + digits));
}

char* put_pax_record(char* at, const PaxRecord& record) {
  at = std::to_chars(at, at + 20, pax_record_size(record)).ptr;
  *at++ = ' ';
  at = put(put(at, record.keyword), record.keyword_tail);
  *at++ = '=';
  at = put(put(at, record.value), record.value_tail);
  *at++ = '\n';
  return at;
}

std::string escape_xattr_name(std::string_view name) {
  std::string escaped;
  for (const char byte : name) {
    if (byte == '%') {
      escaped += "%25";
    } else if (byte == '=') {
      escaped += "%3D";
    } else {
      escaped += byte;
    }
  }
  return escaped;
}

PaxTime pax_time(std::int64_t time_ns) {
  PaxTime time{};
  char* at = time.text;
  auto magnitude = static_cast<std::uint64_t>(time_ns);
  if (time_ns < 0) {
    *at++ = '-';
    magnitude = 0 - magnitude;
  }
  at = std::to_chars(at, at + 20, magnitude / kSecond).ptr;
  *at++ = '.';
  std::uint64_t fraction = magnitude % kSecond;
  for (std::size_t i = 9; i-- > 0;) {
    at[i] = static_cast<char>('0' + fraction % 10);
    fraction /= 10;
  }
  time.size = static_cast<std::size_t>(at + 9 - time.text);
  return time;
}

void PaxAttributes::apply(ByteView records) {
  std::string_view rest = as_text(records);
  while (!rest.empty()) {
    std::size_t length = 0;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto digits = static_cast<std::size_t>(stop - rest.data());
    // At least a space, one letter of keyword, '=' and the line feed follow the digits.
    if (error != std::errc{} || length > rest.size() || length < digits + 4 || *stop != ' ' ||
        rest[length - 1] != '\n') {
      throw Error(ErrorCode::corrupt, "pax header of a tar member is malformed");
    }
    const std::string_view record = rest.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      throw Error(ErrorCode::corrupt, "pax record of a tar member has no keyword");
    }
    apply_record(record.substr(0, equals), record.substr(equals + 1));
    rest.remove_prefix(length);
  }
}

void PaxAttributes::apply_record(std::string_view keyword, std::string_view value) {
  if (keyword == "mtime") {
    mtime_ns = value.empty() ? std::nullopt : std::optional(parse_time(value));
  } else if (keyword == "path") {
    path = text_or_nothing(keyword, value);
  } else if (keyword == "linkpath") {
    link_path = text_or_nothing(keyword, value);
  } else if (keyword == "uname") {
    owner = text_or_nothing(keyword, value);
  } else if (keyword == "gname") {
    group = text_or_nothing(keyword, value);
  } else if (keyword == "size") {
    size = number_or_nothing<std::uint64_t>(keyword, value, kMostBytes);
  } else if (keyword == "uid") {
    uid = number_or_nothing<std::uint32_t>(keyword, value, kMostId);
  } else if (keyword == "gid") {
    gid = number_or_nothing<std::uint32_t>(keyword, value, kMostId);
  } else if (keyword == kSameContent) {
    same_content = value == "1";
  } else if (keyword.starts_with(kXattrPrefix)) {
    apply_xattr(keyword.substr(kXattrPrefix.size()), value);
  } else if (keyword.starts_with("GNU.sparse.")) {
    apply_sparse(keyword, value);
  }
}

void PaxAttributes::apply_sparse(std::string_view keyword, std::string_view value) {
  if (keyword == "GNU.sparse.major" && value == "1") {
    sparse_major = true;
  } else if (keyword == "GNU.sparse.minor" && value == "0") {
    sparse_minor = true;
  } else if (keyword == "GNU.sparse.name") {
    sparse_name = text_or_nothing(keyword, value);
  } else if (keyword == "GNU.sparse.realsize") {
    sparse_size = number_or_nothing<std::uint64_t>(keyword, value, kMostBytes);
  } else {
    throw Error(ErrorCode::unsupported, "tar member uses a sparse format other than 1.0");
  }
}

void PaxAttributes::apply_xattr(std::string_view escaped_name, std::string_view value) {
  std::string name = unescape_xattr_name(escaped_name);
  if (name.empty() || name.find('\0') != std::string::npos) {
    fail(kXattrPrefix, "names no attribute");
  }
  const auto same = std::find_if(xattrs.begin(), xattrs.end(),
                                 [&](const auto& xattr) { return xattr.first == name; });
  if (same != xattrs.end()) {
    same->second = value;
  } else if (xattrs.size() == kMaxXattrs) {
    fail(kXattrPrefix, "is one too many");
  } else {
    xattrs.emplace_back(std::move(name), value);
  }
}

}  // namespace mixtape::format
