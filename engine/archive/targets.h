// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/archive/plan.h"
#include "engine/archive/write_context.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/types.h"
#include "tapeio/library.h"

// The media that are here and may be written to, in the order in which a job tries them.
//
// Threads: none.

namespace mixtape::archive {

struct Target {
  tapeio::Library* library;
  tapeio::MediumSlot slot;
  catalog::Medium medium;  // Without id when the catalog does not know it.
  bool known;
  bool passed_over = false;  // It is not ours, or cannot be written to now.
  bool filled = false;       // In this run: only what finds no other place is told on it.
  bool done = false;         // Nothing (more) goes onto it in this round.
};

// Another would have to be mounted in its place; disk media never.
[[nodiscard]] bool is_in_drive(const Target& target);
// Nothing goes onto it but the closing index that it lacks.
[[nodiscard]] bool is_full(const Target& target);
// Rows come before labels, so that what is not blank and has no row was never ours.
[[nodiscard]] bool is_foreign(const Target& target);

// Of a medium labelled now.
[[nodiscard]] std::uint64_t archaeology_bytes(std::uint64_t record_size);
// The records of a medium of ours up to the end of its last bundle, as the catalog knows them: the
// same wherever the medium is. Its closing index, which the next bundle overwrites, does not count.
[[nodiscard]] std::uint64_t used_as_known(const catalog::Medium& medium,
                                          std::span<const catalog::Bundle> bundles);
// What is known of a medium's room before it is in a drive; of a blank one with what it is labelled
// with.
[[nodiscard]] MediumRoom room_in(const WriteContext& context, const Target& target);

// Partly filled ones first, the fullest of them first; then blank ones in order of label; of both
// those that are in a drive before others. Of the full ones those that lack a closing index.
// `record_size`: of media that are labelled now.
[[nodiscard]] std::vector<Target> targets_in(std::span<tapeio::Library* const> libraries,
                                             catalog::Ledger& ledger, std::uint64_t record_size);

// A cartridge, which somebody can carry from a shelf to a drive.
[[nodiscard]] bool is_cartridge(const catalog::Medium& medium);
// One that was labelled in a robot's library, and most likely is there still.
[[nodiscard]] bool belongs_to_robot(const catalog::Medium& medium);
// Tapes of ours that are not among `here` and can be put into a drive that is fed by hand, the
// fullest first; used_bytes as the catalog has it. Where `robot_away` says that a robot's library
// is out of reach, nobody can bring what belongs to one. Null: none is.
[[nodiscard]] std::vector<Target> targets_to_fetch(std::span<tapeio::Library* const> libraries,
                                                   std::span<const Target> here,
                                                   catalog::Ledger& ledger,
                                                   const std::function<bool()>& robot_away);
// Whether it can be loaded without asking somebody for it. Looks into a drive that is fed by hand.
[[nodiscard]] bool is_in_reach(const Target& target);

// For people, what would bring room for more: of `on_shelf` the first, if there is one, else
// another medium as these libraries get it. Goes on with ", then ...".
[[nodiscard]] std::string what_gives_room(std::span<tapeio::Library* const> libraries,
                                          std::span<const Target> on_shelf);
// For people, that the catalog's news found no medium, and what would help.
[[nodiscard]] std::string news_without_place(std::span<tapeio::Library* const> libraries,
                                             std::span<const Target> targets);
// For people, why none of these takes what is left: "none is within reach".
[[nodiscard]] std::string why_no_room(std::span<const Target> targets);

}  // namespace mixtape::archive
