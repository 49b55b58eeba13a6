// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/catalog/health.h"

// Whether it is the tape or the drive: errors belong to a tape in a drive, and only the company
// that both keep tells which of them it is.
//
// The rule, for a tape that had errors in a drive:
//   * the tape had errors in another drive too, and the drive with no other tape: this tape;
//   * the drive had errors with another tape too, and the tape in no other drive: this drive;
//   * neither had any elsewhere: where other tapes were in the drive without errors, this tape;
//     where the tape was in other drives without errors, this drive; where both, not known;
//   * both had errors elsewhere too, or neither was in any other company: not known, which is told
//     as "this tape or this drive".
//
// Threads: none; pure.

namespace mixtape::service {

enum class Blame { tape, drive, either };

struct BlamedErrors {
  catalog::PairErrors pair;  // With errors.
  Blame blame{};
};

// `used`: each tape in each drive, with and without errors. Returns those with errors, in order.
[[nodiscard]] std::vector<BlamedErrors> blame(const std::vector<catalog::PairErrors>& used);

// "this tape", "this drive", "this tape or this drive".
[[nodiscard]] std::string blame_text(Blame blame);
// What to do about it.
[[nodiscard]] std::string blame_advice(Blame blame);

}  // namespace mixtape::service
