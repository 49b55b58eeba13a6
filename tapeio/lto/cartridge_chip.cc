// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/cartridge_chip.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "tapeio/bytes.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/key_values.h"

namespace mixtape::tapeio::lto {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::uint64_t kMostFileBytes = MiB;
// More bad places than a test needs, and few enough to keep each by itself.
constexpr std::uint64_t kMostWornBlocks = 100'000;
constexpr std::string_view kStory = "story_";

struct NumberKey {
  std::string_view name;
  std::uint64_t CartridgeChip::*value;
};
constexpr NumberKey kNumbers[] = {{"loads", &CartridgeChip::loads},
                                  {"bytes_written", &CartridgeChip::bytes_written},
                                  {"bytes_read", &CartridgeChip::bytes_read},
                                  {"cleanings_left", &CartridgeChip::cleanings_left}};

struct SwitchKey {
  std::string_view name;
  bool CartridgeChip::*value;
};
constexpr SwitchKey kSwitches[] = {{"cleaning", &CartridgeChip::is_cleaning},
                                   {"write_protected", &CartridgeChip::is_write_protected},
                                   {"initialised", &CartridgeChip::is_initialised}};

struct BlocksKey {
  std::string_view name;
  std::set<std::uint64_t> CartridgeChip::*value;
};
constexpr BlocksKey kBlocks[] = {{"unreadable", &CartridgeChip::unreadable},
                                 {"unwritable", &CartridgeChip::unwritable}};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::corrupt, "read " + std::string(kCartridgeFileName) + ": " + why);
}

// Only what comes back as it was: no ends of lines, and no blanks at the ends.
std::string on_one_line(std::string_view text, std::size_t most) {
  std::string line(text.substr(0, most));
  std::replace_if(
      line.begin(), line.end(),
      [](char each) { return (each >= 0 && each < ' ') || each == '\x7f'; }, '?');
  return std::string(trimmed(line));
}

std::uint64_t require_number(std::string_view key, std::string_view value) {
  const std::optional<std::uint64_t> number = parse_number(value);
  if (!number.has_value()) {
    refuse(std::string(key) + " must be a number");
  }
  return *number;
}

bool require_switch(std::string_view key, std::string_view value) {
  if (value != "yes" && value != "no") {
    refuse(std::string(key) + " must be yes or no");
  }
  return value == "yes";
}

// "12 17-20": blocks and ranges, both ends included. One that is listed twice counts twice, so that
// a file costs no more than its limit of blocks, however many ranges it has room for.
std::set<std::uint64_t> require_blocks(std::string_view key, std::string_view value) {
  std::set<std::uint64_t> blocks;
  std::uint64_t left = kMostWornBlocks;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(' '), value.size());
    const std::string_view range = value.substr(0, end);
    value = trimmed(value.substr(end));
    const std::size_t dash = std::min(range.find('-'), range.size());
    const auto first = parse_number(range.substr(0, dash));
    const auto last = dash == range.size() ? first : parse_number(range.substr(dash + 1));
    if (!first || !last || *last < *first || *last - *first >= left) {
      refuse(std::string(key) + " must be block addresses such as 12 17-20, at most " +
             std::to_string(kMostWornBlocks));
    }
    const std::uint64_t count = *last - *first + 1;
    left -= count;
    for (std::uint64_t index = 0; index < count; ++index) {
      blocks.insert(*first + index);
    }
  }
  return blocks;
}

std::string text_of_blocks(const std::set<std::uint64_t>& blocks) {
  std::string text;
  for (auto block = blocks.begin(); block != blocks.end();) {
    const std::uint64_t first = *block;
    std::uint64_t last = first;
    while (++block != blocks.end() && *block == last + 1) {
      last = *block;
    }
    text += (text.empty() ? "" : " ") + std::to_string(first);
    text += last == first ? "" : "-" + std::to_string(last);
  }
  return text;
}

void set_story(CartridgeChip& chip, std::string_view name, std::string_view value) {
  for (const StoryField& field : kStoryFields) {
    if (name == field.name) {
      chip.story.*field.part = on_one_line(value, field.size);
    }
  }
}

void set_value(CartridgeChip& chip, std::string_view key, std::string_view value) {
  for (const NumberKey& number : kNumbers) {
    if (key == number.name) {
      chip.*number.value = require_number(key, value);
    }
  }
  for (const SwitchKey& each : kSwitches) {
    if (key == each.name) {
      chip.*each.value = require_switch(key, value);
    }
  }
  for (const BlocksKey& blocks : kBlocks) {
    if (key == blocks.name) {
      if (!(chip.*blocks.value).empty()) {
        refuse(std::string(key) + " stands there twice");
      }
      chip.*blocks.value = require_blocks(key, value);
    }
  }
  if (key.starts_with(kStory)) {
    set_story(chip, key.substr(kStory.size()), value);
  }
}

std::string path_in(const std::string& directory) {
  return directory + "/" + std::string(kCartridgeFileName);
}

}  // namespace

MediumStory as_the_chip_keeps_it(MediumStory story) {
  for (const StoryField& field : kStoryFields) {
    story.*field.part = on_one_line(story.*field.part, field.size);
  }
  return story;
}

std::string encode(const CartridgeChip& chip) {
  std::string text =
      "# What this simulated cartridge is besides its data. Edit it while it is in no drive.\n";
  const auto add = [&](std::string_view key, std::string_view value) {
    text.append(key).append(value.empty() ? " =" : " = ").append(value).append("\n");
  };
  add("format", std::to_string(kFormat));
  add("generation", std::to_string(chip.generation));
  for (const SwitchKey& each : kSwitches) {
    add(each.name, chip.*each.value ? "yes" : "no");
  }
  for (const NumberKey& number : kNumbers) {
    add(number.name, std::to_string(chip.*number.value));
  }
  for (const BlocksKey& blocks : kBlocks) {
    add(blocks.name, text_of_blocks(chip.*blocks.value));
  }
  const MediumStory story = as_the_chip_keeps_it(chip.story);
  for (const StoryField& field : kStoryFields) {
    add(std::string(kStory).append(field.name), story.*field.part);
  }
  return text;
}

CartridgeChip decode_cartridge_chip(std::string_view text) {
  CartridgeChip chip;
  std::uint64_t format = 0, generation = 0;
  const auto entries = parse_key_values(text);
  if (!entries.has_value()) {
    refuse("a line without '='");
  }
  for (const auto& [key, value] : *entries) {
    if (key == "format") {
      format = require_number(key, value);
    } else if (key == "generation") {
      generation = require_number(key, value);
    } else {
      set_value(chip, key, value);
    }
  }
  if (format != kFormat) {
    throw Error(format > kFormat ? ErrorCode::unsupported : ErrorCode::corrupt,
                "read " + std::string(kCartridgeFileName) + ": format " + std::to_string(format) +
                    "; this program knows " + std::to_string(kFormat));
  }
  if (generation < kOldestGeneration || generation > kNewestGeneration) {
    refuse("generation must be " + std::to_string(kOldestGeneration) + " to " +
           std::to_string(kNewestGeneration));
  }
  chip.generation = static_cast<unsigned>(generation);
  return chip;
}

CartridgeChip read_cartridge_chip(const std::string& directory, const CartridgeChip& fresh) {
  Bytes text;
  try {
    text = read_file(path_in(directory), kMostFileBytes, O_NOFOLLOW | O_NONBLOCK);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) {
      return fresh;
    }
    throw;
  }
  try {
    return decode_cartridge_chip(as_text(text));
  } catch (const Error& error) {
    throw Error(error.code(),
                std::string(error.what()) + "; mend " + path_in(directory) + ", or remove it");
  }
}

void write_cartridge_chip(const std::string& directory, const CartridgeChip& chip) {
  write_file_durably(path_in(directory), as_bytes(encode(chip)));
}

}  // namespace mixtape::tapeio::lto
