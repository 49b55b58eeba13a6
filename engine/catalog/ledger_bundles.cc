// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/catalog/ledger.h"
#include "engine/catalog/ledger_statements.h"
#include "tapeio/error.h"

// Media, bundles and the copies in them.

namespace mixtape::catalog {
namespace {

// Offsets in a tar archive are multiples of its block.
constexpr std::uint64_t kTarBlock = 512;

std::int64_t blocks(std::uint64_t bytes) {
  MIXTAPE_ASSERT(bytes % kTarBlock == 0);
  return static_cast<std::int64_t>(bytes / kTarBlock);
}

void bind_maybe(Statement& statement, int index, const auto& value) {
  if (value) {
    statement.bind(index, static_cast<std::int64_t>(*value));
  } else {
    statement.bind_null(index);
  }
}

std::optional<std::uint64_t> maybe_unsigned(const Statement& row, int column) {
  const auto value = row.maybe_integer(column);
  return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

}  // namespace

Medium medium_from(const Statement& row, int at) {
  Medium medium;
  medium.id = MediumId{row.integer(at)};
  medium.uuid = uuid_from(row.blob(at + 1));
  medium.label = row.text(at + 2);
  medium.kind = row.text(at + 3);
  medium.record_size = static_cast<std::uint64_t>(row.integer(at + 4));
  medium.capacity_bytes = maybe_unsigned(row, at + 5);
  medium.state = static_cast<MediumState>(row.integer(at + 6));
  medium.location = row.text(at + 7);
  return medium;
}

Bundle bundle_from(const Statement& row, int at) {
  Bundle bundle;
  bundle.id = BundleId{row.integer(at)};
  bundle.uuid = uuid_from(row.blob(at + 1));
  bundle.medium = MediumId{row.integer(at + 2)};
  bundle.job = JobId{row.integer(at + 3)};
  bundle.number = static_cast<std::uint64_t>(row.integer(at + 4));
  bundle.index_file = static_cast<std::uint64_t>(row.integer(at + 5));
  bundle.archive_block = maybe_unsigned(row, at + 6);
  const ByteView header = row.blob(at + 7);
  bundle.archive_header.assign(header.begin(), header.end());
  bundle.plain_bytes = static_cast<std::uint64_t>(row.integer(at + 8));
  bundle.state = static_cast<BundleState>(row.integer(at + 9));
  bundle.written_s = row.maybe_integer(at + 10);
  return bundle;
}

Copy copy_from(const Statement& row, int at) {
  Copy copy;
  copy.content = ContentId{row.integer(at)};
  copy.bundle = BundleId{row.integer(at + 1)};
  copy.member_offset = static_cast<std::uint64_t>(row.integer(at + 2)) * kTarBlock;
  copy.data_offset =
      copy.member_offset + static_cast<std::uint64_t>(row.integer(at + 3)) * kTarBlock;
  copy.sparse = !row.is_null(at + 4);
  copy.stored_size = static_cast<std::uint64_t>(row.integer(copy.sparse ? at + 4 : at + 7));
  copy.state = static_cast<CopyState>(row.integer(at + 5));
  copy.verified_s = row.maybe_integer(at + 6);
  return copy;
}

CopyPlace place_from(const Statement& row) {
  return {copy_from(row, 0), bundle_from(row, kCopyColumnCount),
          medium_from(row, kCopyColumnCount + kBundleColumnCount)};
}

// --- Media

MediumId Ledger::add_medium(const Medium& medium) {
  Transaction transaction(database_);
  Statement taken(database_, "SELECT label FROM medium WHERE label = ? OR uuid = ?");
  if (taken.bind_text(1, medium.label).bind(2, medium.uuid).step()) {
    throw Error(
        ErrorCode::conflict,
        "add medium " + medium.label + ": there is one with this label or uuid, " + taken.text(0));
  }
  Statement insert(database_,
                   "INSERT INTO medium(uuid, label, kind, record_size, capacity, state, location, "
                   "revision) VALUES (?, ?, ?, ?, ?, ?, ?, 1)");
  insert.bind(1, medium.uuid)
      .bind_text(2, medium.label)
      .bind_text(3, medium.kind)
      .bind(4, static_cast<std::int64_t>(medium.record_size));
  bind_maybe(insert, 5, medium.capacity_bytes);
  insert.bind(6, static_cast<std::int64_t>(medium.state)).bind_text(7, medium.location).run();
  const MediumId id{database_.last_insert_id()};
  transaction.commit();
  return id;
}

std::vector<Medium> Ledger::media() {
  std::vector<Medium> all;
  Statement query(database_, sql({"SELECT", kMediumColumns, "FROM medium m ORDER BY m.id"}));
  while (query.step()) {
    all.push_back(medium_from(query, 0));
  }
  return all;
}

std::optional<Medium> Ledger::medium(std::string_view label) {
  Statement query(database_, sql({"SELECT", kMediumColumns, "FROM medium m WHERE m.label = ?"}));
  return query.bind_text(1, label).step() ? std::optional(medium_from(query, 0)) : std::nullopt;
}

std::optional<Medium> Ledger::medium(MediumId id) {
  Statement query(database_, sql({"SELECT", kMediumColumns, "FROM medium m WHERE m.id = ?"}));
  return query.bind(1, number(id)).step() ? std::optional(medium_from(query, 0)) : std::nullopt;
}

namespace {

// The revision tells a merge which of two states of a medium is the later one: it grows with each
// change, and is at least the time of the last one, so that it means something between two lives of
// the catalog, too.
Statement change_medium(Database& database, MediumId id, std::string_view column,
                        std::int64_t now_s = 0) {
  Statement update(database, sql({"UPDATE medium SET revision = max(revision + 1, ?3), ", column,
                                  " = ?2 WHERE id = ?1"}));
  update.bind(1, number(id)).bind(3, now_s);
  return update;
}

void require_change(Database& database, MediumId id) {
  if (database.changes() != 1) {
    throw Error(ErrorCode::not_found,
                "change medium " + std::to_string(number(id)) + ": no such medium");
  }
}

}  // namespace

void Ledger::set_medium_state(MediumId id, MediumState state, std::int64_t now_s) {
  change_medium(database_, id, "state", now_s).bind(2, static_cast<std::int64_t>(state)).run();
  require_change(database_, id);
}

void Ledger::set_medium_location(MediumId id, std::string_view location, std::int64_t now_s) {
  change_medium(database_, id, "location", now_s).bind_text(2, location).run();
  require_change(database_, id);
}

void Ledger::set_medium_label(MediumId id, std::string_view label) {
  if (const auto other = medium(label); other && other->id != id) {
    throw Error(ErrorCode::conflict,
                "label a medium " + std::string(label) + ": another one has this label");
  }
  change_medium(database_, id, "label").bind_text(2, label).run();
  require_change(database_, id);
}

void Ledger::set_medium_capacity(MediumId id, std::uint64_t capacity_bytes) {
  change_medium(database_, id, "capacity").bind(2, static_cast<std::int64_t>(capacity_bytes)).run();
  require_change(database_, id);
}

void Ledger::set_open_end(MediumId id, bool open) {
  Statement change(database_,
                   open ? "INSERT OR REPLACE INTO meta SELECT ?2 || hex(uuid), 1 FROM medium "
                          "WHERE id = ?1"
                        : "DELETE FROM meta WHERE key = (SELECT ?2 || hex(uuid) FROM medium "
                          "WHERE id = ?1)");
  change.bind(1, number(id)).bind_text(2, kOpenEnd).run();
}

bool Ledger::has_open_end(MediumId id) {
  Statement query(database_,
                  "SELECT 1 FROM medium JOIN meta ON key = ?2 || hex(uuid) WHERE id = ?1");
  return query.bind(1, number(id)).bind_text(2, kOpenEnd).step();
}

// Told news stays as a negative number, so that no number ever comes again.
void Ledger::add_news() {
  Statement(
      database_,
      "INSERT INTO meta VALUES (?1, 1) ON CONFLICT (key) DO UPDATE SET value = abs(value) + 1")
      .bind_text(1, kNews)
      .run();
}

std::int64_t Ledger::news() {
  Statement query(database_, "SELECT value FROM meta WHERE key = ?1 AND value > 0");
  return query.bind_text(1, kNews).step() ? query.integer(0) : 0;
}

void Ledger::begin_closing_index(MediumId id, std::uint64_t sequence) {
  Statement begun(
      database_,
      "INSERT OR REPLACE INTO meta SELECT ?2 || hex(uuid), ?3 FROM medium WHERE id = ?1");
  begun.bind(1, number(id)).bind_text(2, kBegunClosing);
  begun.bind(3, static_cast<std::int64_t>(sequence)).run();
}

void Ledger::end_closing_index(MediumId id, std::uint64_t sequence, std::int64_t told) {
  Transaction transaction(database_);
  Statement own(database_,
                "INSERT OR REPLACE INTO meta SELECT ?2 || hex(uuid), ?3 FROM medium WHERE id = ?1");
  own.bind(1, number(id)).bind_text(2, kOwnClosing);
  own.bind(3, static_cast<std::int64_t>(sequence)).run();
  Statement begun(
      database_, "DELETE FROM meta WHERE key = (SELECT ?2 || hex(uuid) FROM medium WHERE id = ?1)");
  begun.bind(1, number(id)).bind_text(2, kBegunClosing).run();
  Statement(database_, "UPDATE meta SET value = -value WHERE key = ?1 AND value = ?2 AND value > 0")
      .bind_text(1, kNews)
      .bind(2, told)
      .run();
  transaction.commit();
}

bool Ledger::may_be_own_closing_index(MediumId id, std::uint64_t sequence) {
  Statement query(database_,
                  "SELECT (SELECT value FROM meta WHERE key = ?2 || hex(uuid)), (SELECT value FROM "
                  "meta WHERE key = ?3 || hex(uuid)) FROM medium WHERE id = ?1");
  query.bind(1, number(id)).bind_text(2, kOwnClosing).bind_text(3, kBegunClosing);
  if (!query.step() || query.is_null(0)) {
    return true;
  }
  const auto is = [&](int column) {
    return !query.is_null(column) && query.integer(column) == static_cast<std::int64_t>(sequence);
  };
  return is(0) || is(1);
}

bool Ledger::is_closing_index_begun(MediumId id) {
  Statement query(
      database_,
      "SELECT 1 FROM meta WHERE key = (SELECT ?2 || hex(uuid) FROM medium WHERE id = ?1)");
  return query.bind(1, number(id)).bind_text(2, kBegunClosing).step();
}

// --- Bundles

BundleId Ledger::plan_bundle(const Bundle& bundle, const std::vector<Copy>& copies) {
  Transaction transaction(database_);
  const auto by_content = [](const Copy& a, const Copy& b) { return a.content < b.content; };
  const auto [first, last] = std::minmax_element(copies.begin(), copies.end(), by_content);
  Statement insert(database_,
                   "INSERT INTO bundle(uuid, medium, job, number, index_file, archive_header, "
                   "plain_bytes, state, "
                   "first_content, last_content) VALUES (?1, ?2, ?3, (SELECT coalesce(max(number), "
                   "0) + 1 FROM bundle "
                   "WHERE medium = ?2 AND state = 1), ?4, ?5, ?6, 0, ?7, ?8)");
  insert.bind(1, bundle.uuid)
      .bind(2, number(bundle.medium))
      .bind(3, number(bundle.job))
      .bind(4, static_cast<std::int64_t>(bundle.index_file))
      .bind(5, bundle.archive_header)
      .bind(6, static_cast<std::int64_t>(bundle.plain_bytes))
      .bind(7, copies.empty() ? 0 : number(first->content))
      .bind(8, copies.empty() ? -1 : number(last->content))
      .run();
  const BundleId id{database_.last_insert_id()};
  Statement& enter = statements_->insert_copy;
  for (const Copy& copy : copies) {
    enter.bind(1, number(copy.content))
        .bind(2, number(id))
        .bind(3, blocks(copy.member_offset))
        .bind(4, blocks(copy.data_offset - copy.member_offset));
    if (copy.sparse) {
      enter.bind(5, static_cast<std::int64_t>(copy.stored_size));
    } else {
      enter.bind_null(5);
    }
    enter.bind(6, static_cast<std::int64_t>(copy.state));
    bind_maybe(enter, 7, copy.verified_s);
    enter.run();
  }
  transaction.commit();
  return id;
}

void Ledger::commit_bundle(BundleId bundle, const Outcome& outcome) {
  Transaction transaction(database_);
  const auto planned = this->bundle(bundle);
  if (!planned || planned->state != BundleState::planned) {
    throw Error(ErrorCode::conflict,
                "commit bundle " + std::to_string(number(bundle)) + ": it is not planned");
  }
  for (const Copy& copy : copies_in(bundle)) {
    if (copy.data_offset + copy.stored_size > outcome.plain_bytes_written) {
      Statement& drop = statements_->delete_copy;
      drop.bind(1, number(copy.content)).bind(2, number(bundle)).run();
    }
  }
  for (const ContentId content : outcome.bad) {
    statements_->mark_copy.bind(1, number(content))
        .bind(2, number(bundle))
        .bind(3, static_cast<std::int64_t>(CopyState::bad))
        .run();
  }
  (void)settle_hashes(database_, outcome.hashes);
  enter_written_bundle(database_, number(bundle), outcome.archive_block, outcome.written_s);
  Statement length(database_, "UPDATE bundle SET plain_bytes = min(plain_bytes, ?2) WHERE id = ?1");
  length.bind(1, number(bundle))
      .bind(2, static_cast<std::int64_t>(outcome.plain_bytes_written))
      .run();
  transaction.commit();
}

void Ledger::abandon_bundle(BundleId bundle) {
  Transaction transaction(database_);
  statements_->delete_copies.bind(1, number(bundle)).run();
  Statement update(database_, "UPDATE bundle SET state = 2 WHERE id = ? AND state = 0");
  update.bind(1, number(bundle)).run();
  if (database_.changes() != 1) {
    throw Error(ErrorCode::conflict,
                "abandon bundle " + std::to_string(number(bundle)) + ": it is not planned");
  }
  transaction.commit();
}

bool Ledger::begun_at(MediumId medium, std::uint64_t index_file) {
  Statement query(database_,
                  "SELECT 1 FROM bundle WHERE medium = ? AND index_file = ? AND state <> 1");
  return query.bind(1, number(medium)).bind(2, static_cast<std::int64_t>(index_file)).step();
}

std::vector<Bundle> Ledger::bundles(MediumId medium) {
  std::vector<Bundle> all;
  Statement query(database_, sql({"SELECT", kBundleColumns,
                                  "FROM bundle b WHERE b.medium = ? AND b.state = 1 "
                                  "ORDER BY b.number, b.id"}));
  query.bind(1, number(medium));
  while (query.step()) {
    all.push_back(bundle_from(query, 0));
  }
  return all;
}

std::optional<Bundle> Ledger::bundle(BundleId id) {
  Statement query(database_, sql({"SELECT", kBundleColumns, "FROM bundle b WHERE b.id = ?"}));
  return query.bind(1, number(id)).step() ? std::optional(bundle_from(query, 0)) : std::nullopt;
}

std::optional<Bundle> Ledger::bundle(const Uuid& uuid) {
  Statement query(database_, sql({"SELECT", kBundleColumns, "FROM bundle b WHERE b.uuid = ?"}));
  return query.bind(1, uuid).step() ? std::optional(bundle_from(query, 0)) : std::nullopt;
}

std::vector<Copy> Ledger::copies_in(BundleId bundle) {
  std::vector<Copy> copies;
  Running running(statements_->copies_in);
  statements_->copies_in.bind(1, number(bundle));
  while (statements_->copies_in.step()) {
    copies.push_back(copy_from(statements_->copies_in, 0));
  }
  std::sort(copies.begin(), copies.end(),
            [](const Copy& a, const Copy& b) { return a.member_offset < b.member_offset; });
  return copies;
}

// --- Copies

std::vector<CopyPlace> Ledger::places(ContentId content) {
  std::vector<CopyPlace> places;
  Statement& query = statements_->places;
  Running running(query);
  query.bind(1, number(content));
  while (query.step()) {
    places.push_back(place_from(query));
  }
  return places;
}

void require_copy(Database& database, ContentId content, BundleId bundle) {
  if (database.changes() != 1) {
    throw Error(ErrorCode::not_found, "mark the copy of content " +
                                          std::to_string(number(content)) + " in bundle " +
                                          std::to_string(number(bundle)) + ": there is none");
  }
}

void Ledger::mark_verified(ContentId content, BundleId bundle, std::int64_t now_s) {
  statements_->mark_verified.bind(1, number(content)).bind(2, number(bundle)).bind(3, now_s).run();
  require_copy(database_, content, bundle);
}

}  // namespace mixtape::catalog
