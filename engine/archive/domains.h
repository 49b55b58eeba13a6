// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "engine/archive/job_items.h"
#include "engine/archive/write_context.h"
#include "engine/catalog/ledger.h"

// Which media die together, such as those on one disk: of the copies of a content each is on
// another. And which lie in one place.
//
// Threads: one at a time. `context` must outlive it.

namespace mixtape::archive {

class Domains {
 public:
  Domains(const WriteContext& context, catalog::Ledger& ledger) : context_(context) {
    for (const catalog::Medium& medium : ledger.media()) {
      learn(medium);
    }
  }

  void learn(const catalog::Medium& medium) {
    domains_.insert_or_assign(medium.id, domain_of(medium));
    places_.insert_or_assign(medium.id, place_of(medium));
  }
  // Empty: nobody knows.
  [[nodiscard]] std::string place_of(const catalog::Medium& medium) const {
    return context_.place ? context_.place(medium) : "";
  }
  // Whose copies exclude one on this medium, and which lie beside it. Valid as long as this object.
  [[nodiscard]] JobItems::Taker taker(const catalog::Medium& medium, bool apart = false) const {
    const auto excludes = [this, id = medium.id,
                           domain = domain_of(medium)](catalog::MediumId other) {
      const auto known = domains_.find(other);
      return other == id || (known != domains_.end() && known->second == domain);
    };
    const auto is_beside = [this, place = place_of(medium)](catalog::MediumId other) {
      const auto known = places_.find(other);
      return known != places_.end() && !place.empty() && known->second == place;
    };
    return {medium.id, excludes, is_beside, apart};
  }

 private:
  [[nodiscard]] std::string domain_of(const catalog::Medium& medium) const {
    const std::string domain = context_.domain ? context_.domain(medium) : std::string{};
    return domain.empty() ? "medium " + medium.label : domain;
  }

  const WriteContext& context_;
  std::map<catalog::MediumId, std::string> domains_, places_;
};

}  // namespace mixtape::archive
