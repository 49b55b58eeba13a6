// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

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
};

// Nothing goes onto it but the closing index that it lacks.
[[nodiscard]] bool is_full(const Target& target);
// Rows come before labels, so that what is not blank and has no row was never ours.
[[nodiscard]] bool is_foreign(const Target& target);

// Partly filled ones first, the fullest of them first; then blank ones in order of label. Of the
// full ones those that lack a closing index. `record_size`: of media that are labelled now.
[[nodiscard]] std::vector<Target> targets_in(std::span<tapeio::Library* const> libraries,
                                             catalog::Ledger& ledger, std::uint64_t record_size);

}  // namespace mixtape::archive
