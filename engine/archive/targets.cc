// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/targets.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace mixtape::archive {

bool is_full(const Target& target) {
  return target.medium.state == catalog::MediumState::full;
}

bool is_foreign(const Target& target) {
  return !target.known && target.slot.used_bytes > 0;
}

std::vector<Target> targets_in(std::span<tapeio::Library* const> libraries, catalog::Ledger& ledger,
                               std::uint64_t record_size) {
  std::vector<Target> targets;
  for (tapeio::Library* library : libraries) {
    for (const tapeio::MediumSlot& slot : library->media()) {
      if (!tapeio::is_valid_label(slot.label)) {
        continue;  // Nobody named it yet: `mixtape media label` does.
      }
      const std::optional<catalog::Medium> row = ledger.medium(slot.label);
      Target target{library, slot, row.value_or(catalog::Medium{}), row.has_value()};
      target.medium.label = slot.label;
      const bool lacks_index = is_full(target) && ledger.has_open_end(target.medium.id);
      if (target.medium.state != catalog::MediumState::active && !lacks_index) {
        continue;
      }
      if (!row) {
        target.medium.record_size = record_size;
      }
      targets.push_back(std::move(target));
    }
  }
  std::ranges::stable_sort(targets, [](const Target& a, const Target& b) {
    if (a.known != b.known) {
      return a.known;
    }
    return a.known && a.slot.used_bytes > b.slot.used_bytes;
  });
  return targets;
}

}  // namespace mixtape::archive
