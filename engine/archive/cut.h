// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "engine/archive/plan.h"

// Where an archive ends when its medium warns before the planned end came.
//
// What the drive was given stays as it is: a chunk of which one byte was handed over is never
// sealed again. The archive becomes a prefix of the plan, padded to whole records: members that end
// within the new length are whole and true, no other member seems to be.
//
// Units:   bytes.
// Threads: none; pure functions.

namespace mixtape::archive {

struct Cut {
  std::uint64_t plain_bytes = 0;  // The new length of the plaintext.
  // From here the plaintext is zeros: behind the last whole member. plain_bytes when the cut goes
  // through a member that the drive has a part of; a plain tar then meets the end of its input
  // there.
  std::uint64_t zeros_from = 0;
};

struct CutSituation {
  std::uint64_t handed_bytes = 0;  // Ciphertext that the drive has taken, whole records.
  std::uint64_t room_bytes = 0;    // Ciphertext that it may still take.
  std::uint64_t preamble_bytes = 0;
  std::uint64_t record_size = 0;
};

// Finishes the member under way when the room holds it, else ends at the first chunk that the drive
// has nothing of. nullopt: what is left of the plan fits as it is.
std::optional<Cut> choose_cut(const ArchivePlan& plan, const CutSituation& situation);

}  // namespace mixtape::archive
