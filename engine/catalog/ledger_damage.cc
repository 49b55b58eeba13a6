// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/ledger.h"
#include "engine/catalog/ledger_statements.h"
#include "tapeio/error.h"

// Copies that were found damaged. A copy that was bad from the start has no time at which it was
// read.

namespace mixtape::catalog {
namespace {

// The place of a copy's row in state.db; numbers of contents and bundles change with a recovery.
constexpr std::string_view kDamageOfCopy =
    " LEFT JOIN state.damage d ON d.bundle = b.uuid AND d.block = k.block AND d.found = "
    "k.verified ";

}  // namespace

void Ledger::mark_damaged(ContentId content, BundleId bundle, std::int64_t now_s,
                          std::string_view found) {
  Transaction transaction(database_);
  Statement mark(database_,
                 "UPDATE copy SET state = 1, verified = ?3 WHERE content = ?1 AND bundle = ?2");
  mark.bind(1, number(content)).bind(2, number(bundle)).bind(3, now_s).run();
  if (database_.changes() == 0) {
    transaction.commit();  // Nothing changed: a transaction around this one can go on.
  }
  require_copy(database_, content, bundle);
  Statement words(database_,
                  "INSERT OR REPLACE INTO state.damage SELECT b.uuid, k.block, ?3, ?4 FROM copy k "
                  "JOIN bundle b ON b.id = k.bundle WHERE k.content = ?1 AND k.bundle = ?2");
  words.bind(1, number(content)).bind(2, number(bundle)).bind(3, now_s).bind_text(4, found).run();
  transaction.commit();
}

std::vector<Ledger::Damaged> Ledger::damaged(ContentId content) {
  std::vector<Damaged> all;
  Statement query(
      database_,
      sql({"SELECT", kCopyColumns, ",", kBundleColumns, ",", kMediumColumns,
           ", d.words FROM copy k JOIN content c ON c.id = k.content JOIN bundle b ON b.id = "
           "k.bundle JOIN medium m ON m.id = b.medium",
           kDamageOfCopy,
           "WHERE k.content = ? AND k.state = 1 AND k.verified IS NOT NULL AND b.state = 1 AND "
           "m.state <> 3 ORDER BY b.id"}));
  query.bind(1, number(content));
  constexpr int kWords = kCopyColumnCount + kBundleColumnCount + kMediumColumnCount;
  while (query.step()) {
    Damaged one;
    one.place = place_from(query);
    one.found_s = one.place.copy.verified_s.value_or(0);
    one.found = query.is_null(kWords) ? "" : query.text(kWords);
    all.push_back(std::move(one));
  }
  return all;
}

std::vector<CopyPlace> Ledger::places_to_read(ContentId content) {
  std::vector<CopyPlace> readable = places(content);
  if (readable.empty()) {
    for (Damaged& one : damaged(content)) {
      readable.push_back(std::move(one.place));
    }
  }
  return readable;
}

}  // namespace mixtape::catalog
