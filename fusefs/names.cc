// SPDX-License-Identifier: Apache-2.0
#include "fusefs/names.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "tapeio/bytes.h"

namespace mixtape::fusefs {
namespace {

constexpr std::size_t kTimeLength = 16;  // 20261121T191403Z

struct Moment {
  int year;
  unsigned month, day;
  int hour, minute, second;
};

Moment moment_of(std::int64_t time_s) {
  const std::chrono::sys_seconds time{std::chrono::seconds(time_s)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()),
          static_cast<int>(clock.seconds().count())};
}

int digits(std::string_view text, std::size_t from, std::size_t count) {
  int value = 0;
  for (const char digit : text.substr(from, count)) {
    value = value * 10 + (digit - '0');
  }
  return value;
}

// ".raw" of "a.raw"; nothing of ".profile", and nothing so long that no room for the rest would be
// left.
std::string_view extension_of(std::string_view file_name, std::size_t room) {
  const std::size_t dot = file_name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || file_name.size() - dot > room) {
    return {};
  }
  return file_name.substr(dot);
}

std::string what_it_holds(const catalog::Version& version) {
  if (S_ISLNK(version.metadata.mode)) {
    return "link";
  }
  if (!version.content) {
    return "empty";
  }
  if (!version.hash) {
    return "unhashed";
  }
  return to_hex(ByteView(*version.hash).first(4));
}

}  // namespace

bool is_showable(std::string_view name) {
  constexpr std::string_view kForbidden("/\0", 2);
  return !name.empty() && name.size() <= kMaxName && name != "." && name != ".." &&
         name.find_first_of(kForbidden) == std::string_view::npos;
}

std::string time_name(std::int64_t time_s) {
  const Moment at = moment_of(time_s);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", at.year, at.month, at.day,
                at.hour, at.minute, at.second);
  return text.data();
}

std::optional<std::int64_t> parse_time_name(std::string_view name) {
  constexpr std::string_view kShape = "00000000T000000Z";
  if (name.size() != kTimeLength) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < kTimeLength; ++i) {
    const bool digit = name[i] >= '0' && name[i] <= '9';
    if (kShape[i] == '0' ? !digit : name[i] != kShape[i]) {
      return std::nullopt;
    }
  }
  const std::chrono::year_month_day date{
      std::chrono::year(digits(name, 0, 4)),
      std::chrono::month(static_cast<unsigned>(digits(name, 4, 2))),
      std::chrono::day(static_cast<unsigned>(digits(name, 6, 2)))};
  if (!date.ok()) {
    return std::nullopt;
  }
  const auto time = std::chrono::sys_days(date) + std::chrono::hours(digits(name, 9, 2)) +
                    std::chrono::minutes(digits(name, 11, 2)) +
                    std::chrono::seconds(digits(name, 13, 2));
  const std::int64_t time_s =
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  // Not a second name for the same moment ("...T250000Z").
  return time_name(time_s) == name ? std::optional(time_s) : std::nullopt;
}

std::string version_name(std::string_view file_name, const catalog::Version& version,
                         std::int64_t job_started_s,
                         const std::function<bool(const std::string&)>& taken) {
  const std::string stem = time_name(job_started_s) + "-" + what_it_holds(version);
  // Room for "~" and as many digits as a directory could force.
  constexpr std::size_t kDodge = 8;
  const std::string extension(extension_of(file_name, kMaxName - stem.size() - kDodge));
  std::string name = stem + extension;
  for (int dodge = 2; taken(name); ++dodge) {
    name = stem + "~" + std::to_string(dodge) + extension;
  }
  return name;
}

bool may_name_version(std::string_view name) {
  return name.size() > kTimeLength && name[kTimeLength] == '-' &&
         parse_time_name(name.substr(0, kTimeLength)).has_value();
}

std::string bundle_name(const catalog::Bundle& bundle) {
  const Moment at = moment_of(bundle.written_s.value_or(0));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04llu-%04d-%02u-%02u",
                static_cast<unsigned long long>(bundle.number), at.year, at.month, at.day);
  return text.data();
}

}  // namespace mixtape::fusefs
