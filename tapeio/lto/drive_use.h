// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

// What simulated drives did since they were cleaned last, kept in a small text file, so that a
// drive asks for cleaning also when each command is a program of its own. A file that is lost or
// damaged costs the counts, no more.
//
// Units:   modelled seconds of work: the tape moves, is threaded or measured.
// Threads: none needed: values. Of several programs at once the last one is kept.

namespace mixtape::tapeio::lto {

struct DriveUse {
  double seconds = 0;
  std::uint64_t loads = 0;
  bool operator==(const DriveUse&) const = default;
};

using DriveUses = std::map<std::string, DriveUse, std::less<>>;  // By the drive's name.

// Seconds are kept to the whole one below.
[[nodiscard]] std::string encode(const DriveUses& uses);
[[nodiscard]] DriveUses decode_drive_uses(std::string_view text);

// Of a file that is not there, or makes no sense: nothing.
[[nodiscard]] DriveUses read_drive_uses(const std::string& file);
// Throws what files throw.
void write_drive_uses(const std::string& file, const DriveUses& uses);

}  // namespace mixtape::tapeio::lto
