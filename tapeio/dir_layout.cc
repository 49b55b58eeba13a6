// SPDX-License-Identifier: Apache-2.0
#include "tapeio/dir_layout.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/key_values.h"
#include "tapeio/tape_drive.h"

namespace mixtape::tapeio {
namespace {

constexpr std::string_view kUnfinishedSuffix = ".part";
constexpr std::size_t kMinDigits = 4;
constexpr std::size_t kMaxDigits = 9;     // More tape files than any directory holds.
constexpr std::size_t kMaxHintSize = 64;  // Names stay far below NAME_MAX, ".part" included.
constexpr std::uint64_t kDescriptionFormat = 1;

bool is_hint_character(char character) {
  return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') ||
         character == '.';
}

[[noreturn]] void throw_bad_description(const std::string& reason) {
  throw Error(ErrorCode::corrupt, std::string("read ") + kMediumDescriptionName + ": " + reason);
}

void require_plausible(std::uint64_t format, const MediumDescription& description) {
  if (format > kDescriptionFormat) {
    throw Error(ErrorCode::unsupported,
                std::string("read ") + kMediumDescriptionName + ": written in format " +
                    std::to_string(format) + ", this program knows " +
                    std::to_string(kDescriptionFormat) + " (use a newer mixtape)");
  }
  if (format == 0 || description.capacity_bytes == 0) {
    throw_bad_description("no format or no capacity_bytes");
  }
  if (description.record_size > kMaxRecordSize) {
    throw_bad_description("record_size " + std::to_string(description.record_size) +
                          " is more than 4 MiB");
  }
}

}  // namespace

std::optional<TapeFileName> parse_tape_file_name(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot < kMinDigits || dot > kMaxDigits ||
      dot + 1 == name.size() || (dot > kMinDigits && name.front() == '0')) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> number = parse_number(name.substr(0, dot));
  if (!number.has_value()) {
    return std::nullopt;
  }
  return TapeFileName{.number = *number, .unfinished = name.ends_with(kUnfinishedSuffix)};
}

std::string tape_file_name(std::uint64_t number, std::string_view hint) {
  const bool usable = !hint.empty() && hint.size() <= kMaxHintSize && hint.front() != '.' &&
                      hint != kUnfinishedSuffix.substr(1) && !hint.ends_with(kUnfinishedSuffix) &&
                      std::all_of(hint.begin(), hint.end(), is_hint_character);
  std::string digits = std::to_string(number);
  if (digits.size() < kMinDigits) {
    digits.insert(0, kMinDigits - digits.size(), '0');
  }
  return digits + "." + std::string(usable ? hint : "data");
}

std::string encode(const MediumDescription& description) {
  std::string text =
      "# This directory is a Mixtape medium: its numbered files are tape files, in order.\n"
      "# Start with 0000; add, remove or rename none of them.\n"
      "format = " +
      std::to_string(kDescriptionFormat) +
      "\ncapacity_bytes = " + std::to_string(description.capacity_bytes) + "\n";
  if (description.record_size > 0) {
    text += "record_size = " + std::to_string(description.record_size) + "\n";
  }
  return text;
}

MediumDescription decode_medium_description(std::string_view text) {
  MediumDescription description;
  std::uint64_t format = 0;
  const auto entries = parse_key_values(text);
  if (!entries.has_value()) {
    throw_bad_description("a line without '='");
  }
  for (const auto& [key, digits] : *entries) {
    if (key != "format" && key != "capacity_bytes" && key != "record_size") {
      continue;
    }
    const std::optional<std::uint64_t> value = parse_number(digits);
    if (!value.has_value()) {
      throw_bad_description(std::string(key) + " is not a number");
    }
    if (key == "format") {
      format = *value;
    } else if (key == "capacity_bytes") {
      description.capacity_bytes = *value;
    } else {
      description.record_size = static_cast<std::size_t>(*value);
    }
  }
  require_plausible(format, description);
  return description;
}

std::uint64_t DirLayout::end_block() const {
  return files_.empty() ? 0 : files_.back().first_block + files_.back().records + 1;
}

std::uint64_t DirLayout::end_used() const {
  return files_.empty() ? 0 : files_.back().used_before + files_.back().size() + filemark_bytes_;
}

std::size_t DirLayout::file_at(std::uint64_t block) const {
  if (block >= end_block()) {
    return files_.size();
  }
  const auto behind = std::upper_bound(
      files_.begin(), files_.end(), block,
      [](std::uint64_t address, const TapeFile& file) { return address < file.first_block; });
  return static_cast<std::size_t>(behind - files_.begin()) - 1;
}

std::uint64_t DirLayout::records_in(std::uint64_t file_size) const {
  return record_size_ == 0 ? 0 : (file_size + record_size_ - 1) / record_size_;
}

void DirLayout::append(std::string name, FileIdentity identity) {
  files_.push_back({.name = std::move(name),
                    .identity = identity,
                    .records = records_in(identity.size),
                    .first_block = end_block(),
                    .used_before = end_used()});
}

void DirLayout::truncate(std::size_t file_count) {
  files_.resize(file_count);
}

}  // namespace mixtape::tapeio
