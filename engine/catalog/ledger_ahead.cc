// SPDX-License-Identifier: Apache-2.0
// What lies behind a content on its medium, for whoever reads ahead.

#include "engine/catalog/ledger.h"
#include "engine/catalog/rows.h"
#include "engine/catalog/sqlite.h"

namespace mixtape::catalog {

std::vector<Ledger::Behind> Ledger::behind(const Uuid& bundle, ContentId content,
                                           std::size_t most) {
  std::vector<Behind> all;
  const auto at = this->bundle(bundle);
  if (!at) {
    return all;
  }
  Statement next(database_,
                 "SELECT id, number FROM bundle WHERE medium = ? AND number > ? AND state = 1 "
                 "ORDER BY number LIMIT 1");
  Statement query(database_,
                  "SELECT c.id, c.size, c.hash FROM bundle b CROSS JOIN copy k ON k.content "
                  "BETWEEN max(b.first_content, ?2) AND b.last_content AND k.bundle = b.id "
                  "JOIN content c ON c.id = k.content WHERE b.id = ?1 AND k.state = 0 "
                  "ORDER BY k.content LIMIT ?3");
  BundleId id = at->id;
  std::int64_t bundle_number = at->number;
  for (std::int64_t from = number(content) + 1; all.empty(); from = 0) {
    query.bind(1, number(id)).bind(2, from).bind(3, static_cast<std::int64_t>(most));
    while (query.step()) {
      all.push_back(
          {.content = ContentId{query.integer(0)},
           .size = static_cast<std::uint64_t>(query.integer(1)),
           .hash = query.is_null(2) ? std::nullopt : std::optional(hash_from(query.blob(2)))});
    }
    next.bind(1, number(at->medium)).bind(2, bundle_number);
    if (!all.empty() || !next.step()) {
      break;
    }
    id = BundleId{next.integer(0)};
    bundle_number = next.integer(1);
    next.reset();
  }
  return all;
}

std::uint64_t Ledger::stored_beside(const Uuid& bundle) {
  Statement query(database_,
                  "SELECT sum(plain_bytes) FROM bundle WHERE state = 1 AND medium = "
                  "(SELECT medium FROM bundle WHERE uuid = ?)");
  query.bind(1, bundle);
  return query.step() ? static_cast<std::uint64_t>(query.maybe_integer(0).value_or(0)) : 0;
}

}  // namespace mixtape::catalog
