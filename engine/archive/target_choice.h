// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/archive/domains.h"
#include "engine/archive/job_items.h"
#include "engine/archive/targets.h"
#include "engine/archive/write_context.h"
#include "engine/catalog/ledger.h"
#include "tapeio/library.h"

// Which medium a job goes to next, so that it loads few of them, and each once.
//
// A medium that is in a drive comes before others, one with something on it before blank ones; of
// these the one that may take most of what is left, and the fullest where they are equal. What must
// lie apart goes first where no copy of it lies yet, if media here lie in several places; then
// wherever there is room, so that a medium may come a second time for that.
//
// Threads:  none.
// Lifetime: what it is made of must outlive it; it follows what `items` still want.
// Cost:     one pass over the items for each medium in use that is here, each time it is asked.

namespace mixtape::archive {

class TargetChoice {
 public:
  TargetChoice(const WriteContext& context, catalog::Ledger& ledger,
               std::span<tapeio::Library* const> libraries, const JobItems& items,
               const Domains& domains);

  // Of those that are here; null: none of them can take anything more. It is not asked for again.
  // Valid until next_on_shelf().
  [[nodiscard]] Target* next();
  // Of those that somebody is waited for to put in, and which is a target from now on; null: no
  // other would help, or nobody is waited for.
  [[nodiscard]] Target* next_on_shelf();
  // What the medium may take in this round.
  [[nodiscard]] JobItems::Taker taker(const catalog::Medium& medium) const {
    return domains_.taker(medium, apart_);
  }

  [[nodiscard]] std::vector<Target>& targets() { return targets_; }
  [[nodiscard]] std::span<const Target> targets() const { return targets_; }
  // Tapes of ours that lie on a shelf and would take more, for a drive that somebody feeds.
  [[nodiscard]] std::vector<Target> on_shelf() const;

  // What a single file may have on the largest medium here, were it empty.
  [[nodiscard]] std::uint64_t most_plain_bytes() const;

 private:
  // How many bytes would go there if it had room for all; 0: loading it would be in vain.
  [[nodiscard]] std::uint64_t bytes_for(const Target& target) const;
  [[nodiscard]] Target* best_of_round();
  [[nodiscard]] bool lie_in_several_places() const;

  const WriteContext& context_;
  catalog::Ledger& ledger_;
  const std::span<tapeio::Library* const> libraries_;
  const JobItems& items_;
  const Domains& domains_;
  std::vector<Target> targets_;
  bool apart_;  // In this round.
};

}  // namespace mixtape::archive
