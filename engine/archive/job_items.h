// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/archive/pipeline.h"
#include "engine/archive/plan.h"
#include "engine/archive/write_job.h"
#include "engine/catalog/ledger.h"
#include "engine/catalog/tree.h"

// The items of one job and what became of them: which of them a medium may take, and what is left
// to do.
//
// Threads: none.

namespace mixtape::archive {

class JobItems {
 public:
  // Brings the items into archive order, adds the directories that lead to them, and looks for
  // holes.
  JobItems(std::vector<Item> items, catalog::Tree& tree);

  [[nodiscard]] std::span<const Item> items() const { return items_; }

  // What one medium may take.
  struct Taker {
    catalog::MediumId medium{};
    // Media whose copy of a content makes another one here worthless, this one among them.
    std::function<bool(catalog::MediumId)> excludes;
    // Media in the same place. Unset: none.
    std::function<bool(catalog::MediumId)> is_beside = {};
    bool apart = false;  // Of what is to lie apart only that of which no copy lies beside it.
  };
  [[nodiscard]] std::vector<Want> wants(const Taker& taker) const;
  // Of the contents still wanted the smallest, 0: none is; and all of them, each name counted.
  struct Wanted {
    std::uint64_t smallest = 0, bytes = 0;
  };
  [[nodiscard]] Wanted wanted_by(const Taker& taker) const;

  // What all media together shall still take, each copy counted.
  struct Left {
    std::uint64_t files = 0, bytes = 0;
  };
  [[nodiscard]] Left left() const;

  // Of the whole job; what turned out bad is neither done nor left.
  [[nodiscard]] Progress progress(const std::string& phase, const WriteOutcome& outcome) const;

  // A bundle was written: takes what is in it off the list and adds to the outcome. Contents that
  // were first read now get their hash, and the number that the ledger gave them with it.
  void take(const ArchivePlan& plan, const ArchiveResult& result, catalog::MediumId medium,
            catalog::Ledger& ledger, WriteOutcome& outcome);
  // The same for a plan that is only thought of.
  void take_planned(const ArchivePlan& plan, catalog::MediumId medium, WriteOutcome& outcome);

  // What is still wanted goes into too_big (more than `most_bytes` in a tar) or no_room.
  void tell_left(std::uint64_t most_bytes, WriteOutcome& outcome) const;

 private:
  // Why a content is no copy; empty: it is a good one.
  using Fates = std::unordered_map<std::int64_t, std::string>;
  void add_directories(catalog::Tree& tree);
  void settle(const Fates& fates, const ArchivePlan& plan, std::uint64_t plain_bytes,
              catalog::MediumId medium, WriteOutcome& outcome);
  [[nodiscard]] static bool wanted(const Item& item, const Taker& taker);

  std::vector<Item> items_;
};

}  // namespace mixtape::archive
