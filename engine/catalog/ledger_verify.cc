// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/catalog/ledger.h"
#include "engine/catalog/ledger_statements.h"

// What reading a medium again has to find, when that was last done, and what is released after it.

namespace mixtape::catalog {

std::vector<Ledger::Held> Ledger::held_in(BundleId bundle) {
  std::vector<Held> held;
  Statement query(
      database_,
      sql({"SELECT", kCopyColumns,
           ", c.hash FROM bundle b CROSS JOIN copy k ON k.content BETWEEN b.first_content AND "
           "b.last_content AND k.bundle = b.id JOIN content c ON c.id = k.content WHERE b.id = ?1 "
           "AND b.state = 1 AND (k.state = 0 OR k.verified IS NOT NULL)"}));
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

void Ledger::set_origin(const VersionKey& version, RootId origin) {
  Transaction transaction(database_);
  constexpr std::string_view kOthers =
      "mode, uid, gid, owner, grp, xattrs, nlink, device, synthetic";
  // The attributes of the version, but of the other root.
  const auto matching = [&](std::string_view text) {
    Statement statement(database_, text);
    statement.bind(1, number(version.path)).bind(2, number(version.first_job));
    statement.bind(3, number(origin));
    return statement;
  };
  const std::string own =
      sql({"FROM attribute WHERE id = (SELECT attribute FROM version WHERE path "
           "= ?1 AND first_job = ?2)"});
  const std::string same =
      sql({"root = ?3 AND (", kOthers, ") = (SELECT ", kOthers, " ", own, ")"});
  matching(sql({"INSERT INTO attribute(root, ", kOthers, ") SELECT ?3, ", kOthers, " ", own,
                " AND NOT EXISTS (SELECT 1 FROM attribute WHERE ", same, ")"}))
      .run();
  matching(sql({"UPDATE version SET attribute = (SELECT id FROM attribute WHERE ", same,
                ") WHERE path = ?1 AND first_job = ?2"}))
      .run();
  transaction.commit();
}

}  // namespace mixtape::catalog
