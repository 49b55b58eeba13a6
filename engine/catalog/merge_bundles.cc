// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "engine/catalog/ledger_statements.h"
#include "engine/catalog/merge.h"

// Bundles, contents and copies.

namespace mixtape::catalog {
namespace {

constexpr std::uint64_t kTarBlock = 512;

std::uint64_t end_of(std::int64_t block, std::int64_t headers, std::int64_t data_bytes) {
  return (static_cast<std::uint64_t>(block) + static_cast<std::uint64_t>(headers)) * kTarBlock +
         static_cast<std::uint64_t>(data_bytes);
}

// The copies of one bundle as (block, content, size, hash or NULL).
std::string copies_of_bundle(std::string_view schema, std::string_view condition) {
  return sql({"SELECT k.block, k.content, c.size, c.hash FROM ", schema, ".bundle b CROSS JOIN ",
              schema,
              ".copy k ON k.content BETWEEN b.first_content AND b.last_content AND k.bundle = b.id "
              "JOIN ",
              schema, ".content c ON c.id = k.content WHERE b.id = ? AND ", condition});
}

struct Place {
  std::int64_t content, size;
};
using Places = std::map<std::int64_t, Place>;  // By block.

Places places_in(Statement& copies, std::int64_t bundle) {
  Places places;
  copies.bind(1, bundle);
  while (copies.step()) {
    places.emplace(copies.integer(0), Place{copies.integer(1), copies.integer(2)});
  }
  return places;
}

}  // namespace

void drop_copies_behind(Database& catalog, std::int64_t bundle, std::uint64_t plain_bytes) {
  Statement drop(
      catalog,
      "DELETE FROM main.copy WHERE bundle = ?1 AND content BETWEEN (SELECT first_content FROM "
      "main.bundle WHERE id = ?1) AND (SELECT last_content FROM main.bundle WHERE id = ?1) "
      "AND (block + headers) * 512 + coalesce(stored, (SELECT size FROM main.content c "
      "WHERE c.id = content)) > ?2");
  drop.bind(1, bundle).bind(2, static_cast<std::int64_t>(plain_bytes)).run();
}

void Merge::merge_bundles() {
  Statement theirs(catalog_, sql({"SELECT", kBundleColumns, "FROM source.bundle b ORDER BY b.id"}));
  Statement ours(catalog_, "SELECT id, state FROM main.bundle WHERE uuid = ?");
  Statement add(
      catalog_,
      "INSERT INTO main.bundle(uuid, medium, job, number, index_file, archive_header, "
      "plain_bytes, state, first_content, last_content) VALUES (?, ?, ?, ?, ?, ?, ?, 2, 0, -1)");
  Statement hold(
      catalog_,
      "UPDATE main.bundle SET state = 1, archive_block = max(coalesce(archive_block, ?2), ?2), "
      "written = max(coalesce(written, ?3), ?3), plain_bytes = min(plain_bytes, ?4) "
      "WHERE id = ?1");
  while (theirs.step()) {
    const Bundle bundle = bundle_from(theirs, 0);
    HeldBundle held;
    held.committed = bundle.state == BundleState::written;
    const bool seen = found_.bundle_exists && found_.label.bundle == bundle.uuid;
    {
      Running running(ours);
      if (ours.bind(1, bundle.uuid).step()) {
        held.id = ours.integer(0);
        held.known = ours.integer(1) == static_cast<std::int64_t>(BundleState::written);
      }
    }
    if (held.id == 0) {
      add.bind(1, bundle.uuid)
          .bind(2, media_.at(number(bundle.medium)))
          .bind(3, jobs_.at(number(bundle.job)))
          .bind(4, static_cast<std::int64_t>(bundle.number))
          .bind(5, static_cast<std::int64_t>(bundle.index_file))
          .bind(6, bundle.archive_header)
          .bind(7, static_cast<std::int64_t>(bundle.plain_bytes))
          .run();
      held.id = catalog_.last_insert_id();
    }
    if (!held.committed && !seen) {
      continue;
    }
    held.plain_bytes =
        seen ? std::min(bundle.plain_bytes, found_.archive_plain_bytes) : bundle.plain_bytes;
    hold.bind(1, held.id)
        .bind(2, static_cast<std::int64_t>(seen ? found_.archive_block
                                                : bundle.archive_block.value_or(0)))
        .bind(3, bundle.written_s.value_or(found_.label.written_s))
        .bind(4, static_cast<std::int64_t>(held.plain_bytes))
        .run();
    bundles_.emplace(number(bundle.id), held);
  }
}

// Contents that we know only by their place, and the index by their hash. What the index, written
// after the bundle, has no more at that place, was found to be the same as something else or never
// came there.
void Merge::learn_hashes() {
  Statement ours(catalog_, copies_of_bundle("main", "c.hash IS NULL"));
  Statement theirs(catalog_, copies_of_bundle("source", "true"));
  Statement forget(catalog_, "DELETE FROM main.copy WHERE content = ? AND bundle = ?");
  std::map<std::int64_t, Hash> learned;
  for (auto& [their_id, bundle] : bundles_) {
    Places by_block = places_in(ours, bundle.id);
    if (by_block.empty()) {
      continue;
    }
    theirs.bind(1, their_id);
    while (theirs.step()) {
      const auto place = by_block.find(theirs.integer(0));
      if (place == by_block.end() || place->second.size != theirs.integer(2)) {
        continue;
      }
      if (!theirs.is_null(3)) {
        learned.emplace(place->second.content, hash_from(theirs.blob(3)));
      }
      by_block.erase(place);
    }
    for (const auto& [block, place] : by_block) {
      if (bundle.committed) {
        forget.bind(1, place.content).bind(2, bundle.id).run();
        superseded_.push_back(place.content);
      }
    }
  }
  std::vector<std::pair<ContentId, Hash>> hashes;
  for (const auto& [content, hash] : learned) {
    hashes.emplace_back(ContentId{content}, hash);
  }
  (void)settle_hashes(catalog_, hashes);
}

void Merge::forget_superseded() {
  Statement versions(catalog_, "DELETE FROM main.version WHERE content = ?");
  Statement content(catalog_,
                    "DELETE FROM main.content WHERE id = ?1 AND hash IS NULL AND NOT EXISTS "
                    "(SELECT 1 FROM main.copy WHERE content = ?1)");
  for (const std::int64_t id : superseded_) {
    content.bind(1, id).run();
    if (catalog_.changes() != 0) {
      versions.bind(1, id).run();
    }
  }
}

// Contents that the index knows only by their place, and what we have there.
Merge::Numbers Merge::unhashed_by_place() {
  Numbers numbers;
  Statement theirs(catalog_, copies_of_bundle("source", "c.hash IS NULL"));
  Statement ours(catalog_, copies_of_bundle("main", "true"));
  for (const auto& [their_id, bundle] : bundles_) {
    const Places by_block = places_in(theirs, their_id);
    if (by_block.empty()) {
      continue;
    }
    ours.bind(1, bundle.id);
    while (ours.step()) {
      const auto place = by_block.find(ours.integer(0));
      if (place != by_block.end() && place->second.size == ours.integer(2)) {
        numbers.emplace(place->second.content, ours.integer(1));
      }
    }
  }
  return numbers;
}

// Whether a content without hash lies in an archive that exists: otherwise nothing is known of it.
bool Merge::placed(std::int64_t content) {
  Statement copies(
      catalog_,
      "SELECT k.bundle, k.block, k.headers, coalesce(k.stored, c.size) FROM source.copy k "
      "JOIN source.content c ON c.id = k.content WHERE k.content = ?");
  copies.bind(1, content);
  while (copies.step()) {
    const auto bundle = bundles_.find(copies.integer(0));
    if (bundle != bundles_.end() && bundle->second.adds_copies() &&
        end_of(copies.integer(1), copies.integer(2), copies.integer(3)) <=
            bundle->second.plain_bytes) {
      return true;
    }
  }
  return false;
}

void Merge::merge_contents() {
  const Numbers by_place = unhashed_by_place();
  Statement theirs(catalog_, "SELECT id, hash, size, written FROM source.content ORDER BY id");
  Statement held(catalog_, "UPDATE main.content SET written = 1 WHERE id = ?");
  Statement add(catalog_,
                "INSERT INTO main.content(hash, size, written, nodes) VALUES (?, ?, 0, 0)");
  while (theirs.step()) {
    const std::int64_t id = theirs.integer(0);
    const std::int64_t size = theirs.integer(2);
    std::optional<std::int64_t> ours;
    if (theirs.is_null(1)) {
      ours = translate(by_place, id);
      if (!ours && !placed(id)) {
        continue;
      }
      add.bind_null(1);
    } else {
      const Hash hash = hash_from(theirs.blob(1));
      if (const auto same = ledger_.find_content(static_cast<std::uint64_t>(size), hash)) {
        ours = number(*same);
      }
      add.bind(1, hash);
    }
    if (!ours) {
      add.bind(2, size).run();
      ours = catalog_.last_insert_id();
    }
    contents_.emplace(id, *ours);
    if (theirs.integer(3) != 0) {
      held.bind(1, *ours).run();
    }
  }
}

void Merge::merge_copies() {
  Statement theirs(catalog_,
                   "SELECT k.content, k.bundle, k.block, k.headers, k.stored, k.state, k.verified, "
                   "coalesce(k.stored, c.size), c.written FROM source.copy k "
                   "JOIN source.content c ON c.id = k.content ORDER BY k.content, k.bundle");
  while (theirs.step()) {
    const auto bundle = bundles_.find(theirs.integer(1));
    if (bundle == bundles_.end() || !contents_.contains(theirs.integer(0))) {
      continue;
    }
    HeldBundle& held = bundle->second;
    const bool exists =
        end_of(theirs.integer(2), theirs.integer(3), theirs.integer(7)) <= held.plain_bytes;
    if (exists && held.adds_copies()) {
      merge_copy(theirs, held);
    }
  }
  Statement bounds(
      catalog_,
      "UPDATE main.bundle SET first_content = iif(last_content < 0, ?2, min(first_content, "
      "?2)), last_content = max(last_content, ?3) WHERE id = ?1");
  Statement written(
      catalog_,
      "UPDATE main.content SET written = 1 WHERE written = 0 AND id IN (SELECT k.content "
      "FROM main.bundle b CROSS JOIN main.copy k ON k.content BETWEEN b.first_content AND "
      "b.last_content AND k.bundle = b.id AND k.state = 0 WHERE b.id = ?)");
  for (const auto& [id, held] : bundles_) {
    if (held.low) {
      bounds.bind(1, held.id).bind(2, *held.low).bind(3, *held.high).run();
      written.bind(1, held.id).run();
    }
  }
}

void Merge::merge_copy(const Statement& theirs, HeldBundle& bundle) {
  const std::int64_t content = contents_.at(theirs.integer(0));
  constexpr auto kGood = static_cast<std::int64_t>(CopyState::good);
  Statement& write = write_copy_;
  write.bind(1, content)
      .bind(2, bundle.id)
      .bind(3, theirs.integer(2))
      .bind(4, theirs.integer(3))
      .bind(6, theirs.integer(5));
  for (const int column : {5, 7}) {
    if (const auto value = theirs.maybe_integer(column - 1)) {
      write.bind(column, *value);
    } else {
      write.bind_null(column);
    }
  }
  write.run();
  bundle.low = std::min(bundle.low.value_or(content), content);
  bundle.high = std::max(bundle.high.value_or(content), content);
  if (bundle.committed && theirs.integer(5) != kGood && theirs.integer(8) == 0) {
    bundle.corrected |= doubt_written(content);
  }
}

// The index says that a copy was bad from the start and no other ever was there: what was concluded
// from a plan alone is taken back.
bool Merge::doubt_written(std::int64_t content) {
  Statement doubt(
      catalog_,
      "UPDATE main.content SET written = 0 WHERE id = ?1 AND written = 1 AND (SELECT count(*) FROM "
      "main.copy WHERE content = ?1) = 1 AND NOT EXISTS (SELECT 1 FROM main.copy WHERE "
      "content = ?1 AND state = 0)");
  doubt.bind(1, content).run();
  return catalog_.changes() != 0;
}

void Merge::merge_directories() {
  Statement theirs(catalog_, "SELECT bundle, path FROM source.bundle_directory");
  Statement add(catalog_, "INSERT OR IGNORE INTO main.bundle_directory VALUES (?, ?)");
  Statement clear(catalog_, "DELETE FROM main.bundle_directory WHERE bundle = ?");
  while (theirs.step()) {
    const auto bundle = bundles_.find(theirs.integer(0));
    const auto path = translate(paths_, theirs.integer(1));
    if (bundle != bundles_.end() && path) {
      add.bind(1, bundle->second.id).bind(2, *path).run();
    }
  }
  for (const auto& [id, bundle] : bundles_) {
    if (bundle.corrected) {
      clear.bind(1, bundle.id).run();
    }
    if (bundle.corrected || (!bundle.committed && !bundle.known)) {
      fill_bundle_directories(catalog_, bundle.id);
    }
  }
}

}  // namespace mixtape::catalog
