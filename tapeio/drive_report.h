// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tapeio/tape_drive.h"

// What a drive and the medium in it tell of how they are, all at once, as values that may be kept.
//
// Threads: values only.

namespace mixtape::tapeio {

struct DriveReport {
  std::string drive;                    // Who tells: "IBM ULT3580-TD8 YX10000001".
  std::string serial;                   // Of the drive; empty when it does not tell.
  std::vector<std::string> notes = {};  // DriveIdentity::notes.
  // Absent: the drive offers no such thing, or has no medium.
  std::optional<MediumWear> wear = std::nullopt;
  std::optional<RemainingSpace> space = std::nullopt;
  std::optional<DriveHealth> health = std::nullopt;
  std::vector<TapeAlert> alerts = {};
};

// Asks for all of it. Does not move the head; costs some questions that are answered from memory.
// What the drive refuses is left out, and all that would be asked after it did not answer.
[[nodiscard]] DriveReport report_of(TapeDrive& drive) noexcept;

// What the drive of a library told when its user gave it back.
struct MediumReport {
  std::string medium;  // The label of what was in it.
  DriveReport report;
};

}  // namespace mixtape::tapeio
