// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "tapeio/drive_features.h"
#include "tapeio/lto/generation.h"

// What a simulated cartridge is besides its data: kept in a small text file in its directory, so
// that it outlives the program. docs/simulator.md has the keys for people, who may edit the file
// while the cartridge is in no drive.
//
// Units:   bytes are the host's; block addresses as tape_drive.h has them.
// Threads: none needed: values.
// Errors:  Error{corrupt, unsupported} for a file that makes no sense, and those of files.

namespace mixtape::tapeio::lto {

inline constexpr std::string_view kCartridgeFileName = "mixtape-cartridge";
// A universal cleaning cartridge, as its makers print on it.
inline constexpr std::uint64_t kCleaningsOfACartridge = 50;

struct CartridgeChip {
  unsigned generation = 9;
  bool is_cleaning = false;         // Whatever its barcode says.
  bool is_write_protected = false;  // Its switch.
  bool is_initialised = true;       // False: never loaded, of a generation that is measured then.
  std::uint64_t loads = 0;
  std::uint64_t bytes_written = 0, bytes_read = 0;  // Ever.
  std::uint64_t cleanings_left = kCleaningsOfACartridge;
  // Where the tape is worn out: records that cannot be read, and places where none can be written.
  std::set<std::uint64_t> unreadable = {}, unwritable = {};
  MediumStory story = {};
  bool operator==(const CartridgeChip&) const = default;

  [[nodiscard]] bool is_worn() const { return !unreadable.empty() || !unwritable.empty(); }
};

// The text of the story is cut to the chip's fields; what would end a line becomes a question mark.
[[nodiscard]] MediumStory as_the_chip_keeps_it(MediumStory story);

[[nodiscard]] std::string encode(const CartridgeChip& chip);
[[nodiscard]] CartridgeChip decode_cartridge_chip(std::string_view text);

// `directory`: the cartridge's. `fresh`: what it is when nothing is written of it yet.
[[nodiscard]] CartridgeChip read_cartridge_chip(const std::string& directory,
                                                const CartridgeChip& fresh);
void write_cartridge_chip(const std::string& directory, const CartridgeChip& chip);

}  // namespace mixtape::tapeio::lto
