// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/catalog/ledger.h"
#include "engine/catalog/ledger_statements.h"

// What reading a medium again has to find, and when that was last done.

namespace mixtape::catalog {

std::vector<Ledger::Held> Ledger::held_in(BundleId bundle) {
  std::vector<Held> held;
  Statement query(
      database_,
      sql({"SELECT", kCopyColumns,
           ", c.hash FROM copy k JOIN content c ON c.id = k.content JOIN bundle b ON b.id = "
           "k.bundle WHERE k.bundle = ?1 AND k.content BETWEEN b.first_content AND "
           "b.last_content AND b.state = 1 AND (k.state = 0 OR k.verified IS NOT NULL)"}));
  query.bind(1, number(bundle));
  constexpr int kSize = kCopyColumnCount - 1;
  while (query.step()) {
    Held one{.copy = copy_from(query, 0),
             .size = static_cast<std::uint64_t>(query.integer(kSize)),
             .hash = std::nullopt};
    const ByteView hash = query.blob(kCopyColumnCount);
    if (Hash whole{}; hash.size() == whole.size()) {
      std::ranges::copy(hash, whole.begin());
      one.hash = whole;
    }
    held.push_back(std::move(one));
  }
  std::ranges::sort(held, {}, [](const Held& each) { return each.copy.member_offset; });
  return held;
}

std::vector<Ledger::LastVerified> Ledger::last_verified() {
  std::vector<LastVerified> all;
  Statement query(database_,
                  "SELECT m.id, count(*), sum(k.verified IS NULL), "
                  "min(coalesce(k.verified, b.written, 0)) FROM copy k JOIN bundle b ON b.id = "
                  "k.bundle JOIN medium m ON m.id = b.medium WHERE b.state = 1 AND m.state <> 3 "
                  "AND (k.state = 0 OR k.verified IS NOT NULL) GROUP BY m.id ORDER BY 4, m.label");
  while (query.step()) {
    all.push_back({.medium = MediumId{query.integer(0)},
                   .copies = static_cast<std::uint64_t>(query.integer(1)),
                   .never = static_cast<std::uint64_t>(query.integer(2)),
                   .oldest_s = query.integer(3)});
  }
  return all;
}

}  // namespace mixtape::catalog
