// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/verifications.h"

#include <algorithm>

namespace mixtape::catalog {

void Verifications::record(const Verification& verification) {
  Transaction transaction(database_);
  Statement(database_,
            "INSERT OR REPLACE INTO state.verification VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
      .bind(1, verification.medium)
      .bind(2, verification.taken_s)
      .bind_text(3, verification.drive)
      .bind(4, static_cast<std::int64_t>(verification.scope))
      .bind(5, std::int64_t{verification.complete})
      .bind(6, static_cast<std::int64_t>(verification.copies))
      .bind(7, static_cast<std::int64_t>(verification.damaged))
      .bind(8, static_cast<std::int64_t>(verification.bytes))
      .run();
  Statement(database_,
            "DELETE FROM state.verification WHERE medium = ?1 AND taken <= (SELECT taken FROM "
            "state.verification WHERE medium = ?1 ORDER BY taken DESC LIMIT 1 OFFSET ?2)")
      .bind(1, verification.medium)
      .bind(2, kKept)
      .run();
  transaction.commit();
}

std::vector<Verification> Verifications::of(const Uuid& medium) {
  std::vector<Verification> all;
  Statement query(database_,
                  "SELECT taken, drive, scope, complete, copies, damaged, bytes FROM "
                  "state.verification WHERE medium = ? ORDER BY taken DESC");
  query.bind(1, medium);
  const auto count = [&](int column) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(query.integer(column), 0));
  };
  while (query.step()) {
    all.push_back({.medium = medium,
                   .taken_s = query.integer(0),
                   .drive = query.text(1),
                   .scope = static_cast<VerifyScope>(query.integer(2)),
                   .complete = query.integer(3) != 0,
                   .copies = count(4),
                   .damaged = count(5),
                   .bytes = count(6)});
  }
  return all;
}

std::vector<std::pair<ContentId, PathId>> paths_with(Database& database,
                                                     const std::set<ContentId>& contents) {
  std::vector<std::pair<ContentId, PathId>> found;
  if (contents.empty()) {
    return found;
  }
  // In the order of the table: what versions of one path have stands together.
  Statement query(database,
                  "SELECT content, path FROM version WHERE content <> 0 ORDER BY path, first_job");
  std::set<ContentId> of_path;
  PathId at{};
  while (query.step()) {
    const ContentId content{query.integer(0)};
    if (!contents.contains(content)) {
      continue;
    }
    if (const PathId path{query.integer(1)}; path != at) {
      at = path;
      of_path.clear();
    }
    if (of_path.insert(content).second) {
      found.emplace_back(content, at);
    }
  }
  return found;
}

}  // namespace mixtape::catalog
