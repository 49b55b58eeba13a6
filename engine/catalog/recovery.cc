// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <tuple>

#include "engine/catalog/catalog.h"
#include "engine/catalog/index_check.h"
#include "engine/catalog/ledger_statements.h"
#include "engine/catalog/merge.h"
#include "engine/catalog/migrations.h"
#include "engine/catalog/rows.h"
#include "engine/catalog/scan_losses.h"
#include "engine/catalog/snapshot.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

// A catalog out of indexes: the newest is taken whole, the others add what it does not know.

namespace mixtape::catalog {
namespace {

[[nodiscard]] std::filesystem::path beside(const std::filesystem::path& file, const char* suffix) {
  std::filesystem::path other = file;
  other += suffix;
  return other;
}

void remove_logs(const std::filesystem::path& database) {
  for (const char* suffix : {"-wal", "-shm", "-journal"}) {
    tapeio::remove_file(beside(database, suffix));
  }
}

void remove_database(const std::filesystem::path& file) {
  tapeio::remove_file(file);
  remove_logs(file);
}

// SQLite plays the log that it finds beside a file into that file, whichever file it was made for:
// what a lost catalog left behind must be gone before another one has its name.
void put_in_place(const std::filesystem::path& draft, const std::filesystem::path& to) {
  const std::filesystem::path directory = to.has_parent_path() ? to.parent_path() : ".";
  tapeio::fsync_file(tapeio::open_file(draft, O_RDONLY).get(), draft);
  remove_logs(to);
  tapeio::fsync_directory(directory);
  tapeio::rename_file(draft, to);
  tapeio::fsync_directory(directory);
}

// What is left of a plan whose archive nobody saw end.
void settle_plans(Database& catalog, const FoundIndex& found) {
  Ledger ledger(catalog);
  std::vector<std::pair<BundleId, Uuid>> planned;
  {
    Statement query(catalog, "SELECT id, uuid FROM bundle WHERE state = 0 ORDER BY id");
    while (query.step()) {
      planned.emplace_back(BundleId{query.integer(0)}, uuid_from(query.blob(1)));
    }
  }
  for (const auto& [id, uuid] : planned) {
    if (!found.bundle_exists || found.label.bundle != uuid) {
      ledger.abandon_bundle(id);
      continue;
    }
    drop_copies_behind(catalog, number(id), found.archive_plain_bytes);
    enter_written_bundle(catalog, number(id), found.archive_block, found.label.written_s);
    Statement length(catalog, "UPDATE bundle SET plain_bytes = min(plain_bytes, ?2) WHERE id = ?1");
    length.bind(1, number(id)).bind(2, static_cast<std::int64_t>(found.archive_plain_bytes)).run();
  }
  if (found.label.role == IndexRole::bundle) {
    // Of what was to be hashed while it was written, and was not written, nothing is known.
    catalog.execute(
        "CREATE TEMP TABLE unknown AS SELECT id FROM content c WHERE hash IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM copy k WHERE k.content = c.id);"
        "DELETE FROM version WHERE content IN (SELECT id FROM temp.unknown);"
        "DELETE FROM content WHERE id IN (SELECT id FROM temp.unknown);"
        "DROP TABLE temp.unknown");
  }
}

// The newest index as it is; it was the whole catalog when it was written.
void take_whole(const FoundIndex& found, const std::filesystem::path& draft) {
  {
    Database index(found.index, Database::Mode::read_only, Database::Kind::index);
    index.distrust();
    require_sound(index, found.index);
    Statement(index, "VACUUM main INTO ?").bind_text(1, draft.string()).run();
  }
  Database catalog(draft, Database::Mode::read_write, Database::Kind::index);
  Transaction transaction(catalog);
  catalog.execute("DROP TABLE tape_file");
  migrate(catalog, "main", catalog_steps(), "index " + found.index.string());
  settle_plans(catalog, found);
  transaction.commit();
}

void merge_into(const std::filesystem::path& draft, const FoundIndex& found, Recovered& recovered) {
  {
    Database index(found.index, Database::Mode::read_only, Database::Kind::index);
    index.distrust();
    require_sound(index, found.index);
  }
  Database catalog(draft, Database::Mode::read_write, Database::Kind::index);
  catalog.distrust();
  const Attached source(catalog, found.index, "source");
  Transaction transaction(catalog);
  Merge merge(catalog, found);
  merge.run();
  transaction.commit();
  if (!merge.directory().empty()) {
    recovered.directories.insert(merge.directory());
  }
}

// Whether the fault is in what was read, so that the next index may do better.
bool is_fault_of_index(const Error& error) {
  return error.code() != ErrorCode::no_space && error.code() != ErrorCode::locked &&
         error.code() != ErrorCode::io && error.code() != ErrorCode::cancelled;
}

bool is_left_out(const FoundIndex& found, const Recovered& recovered) {
  return std::any_of(recovered.left_out.begin(), recovered.left_out.end(),
                     [&](const auto& left) { return left.index == found.index; });
}

// The first becomes the draft where there is none yet, and each further one adds to it. One that
// cannot be believed changes nothing.
void take_indexes(const std::vector<FoundIndex>& ordered, bool begun,
                  const std::filesystem::path& draft, Recovered& recovered) {
  for (const FoundIndex& found : ordered) {
    try {
      if (begun) {
        merge_into(draft, found, recovered);
      } else {
        take_whole(found, draft);
        begun = true;
      }
    } catch (const Error& error) {
      if (!is_fault_of_index(error)) {
        throw;
      }
      recovered.left_out.push_back({found.index, error});
      if (!begun) {
        remove_database(draft);
      }
    }
  }
  if (recovered.left_out.size() == ordered.size()) {
    throw recovered.left_out.front().error;
  }
}

// What makes the same of any order in which media were found: indexes of one catalog together, the
// newest first.
bool comes_before(const FoundIndex& a, const FoundIndex& b) {
  const auto key = [](const FoundIndex& found) {
    return std::tie(found.label.catalog, found.label.medium, found.label.tape_file);
  };
  return a.label.sequence != b.label.sequence ? a.label.sequence > b.label.sequence
                                              : key(a) < key(b);
}

// Copies the catalog that is there, and makes sure that nobody writes to it any more. False: it
// knows nothing yet, as after init, and is left out.
bool take_existing(const std::filesystem::path& to, const std::filesystem::path& draft) {
  Database catalog(to, Database::Mode::read_write);
  refuse_newer(catalog, "main", catalog_steps(), "catalog " + to.string());
  // Leaves no log beside the file that is going to be replaced; fails while others have it open.
  catalog.execute("PRAGMA journal_mode = DELETE");
  {
    Statement anything(
        catalog,
        "SELECT EXISTS (SELECT 1 FROM job) OR EXISTS (SELECT 1 FROM medium) OR EXISTS "
        "(SELECT 1 FROM name)");
    anything.step();
    if (anything.integer(0) == 0) {
      return false;
    }
  }
  Statement(catalog, "VACUUM main INTO ?").bind_text(1, draft.string()).run();
  Database copy(draft, Database::Mode::read_write, Database::Kind::index);
  migrate(copy, "main", catalog_steps(), "catalog " + to.string());
  return true;
}

std::set<Uuid> media_of(const std::filesystem::path& file) {
  std::set<Uuid> media;
  Database catalog(file, Database::Mode::read_only, Database::Kind::index);
  Statement query(catalog, "SELECT uuid FROM medium");
  while (query.step()) {
    media.insert(uuid_from(query.blob(0)));
  }
  return media;
}

// Durable before the catalog is there: what was never seen must not count even for a moment. Where
// the sources stood is of the catalog that was lost, whose numbers and versions may be others; the
// next scan reads them again.
void note_unseen(const std::set<Uuid>& media, const std::set<Uuid>& known, const Seen& seen) {
  Database state = open_state(seen.state_db);
  Transaction transaction(state);
  Statement unseen(state, "INSERT OR IGNORE INTO state.unseen VALUES (?)");
  for (const Uuid& medium : media) {
    if (!known.contains(medium)) {
      unseen.bind(1, medium).run();
    }
  }
  Statement read(state, "DELETE FROM state.unseen WHERE medium = ?");
  for (const Uuid& medium : seen.media) {
    read.bind(1, medium).run();
  }
  ScanLosses losses(state);
  for (const auto& [medium, up_to] : seen.told) {
    losses.told(medium, up_to);
  }
  if (seen.scanned) {
    losses.note(*seen.scanned, seen.now_s, seen.losses);
  }
  state.execute("DELETE FROM state.source; DELETE FROM state.early_hash");
  transaction.commit();
}

// What the media carry now is known to this catalog, whoever wrote it.
void note_closing_indexes(Database& catalog, const std::vector<FoundIndex>& found,
                          const Recovered& recovered) {
  Statement forget(catalog, "DELETE FROM meta WHERE key = ?1 || hex(?2)");
  Statement note(catalog, "INSERT OR REPLACE INTO meta SELECT ?1 || hex(?2), ?3");
  for (const FoundIndex& each : found) {
    if (each.scanned || is_left_out(each, recovered)) {
      continue;
    }
    for (const std::string_view key : {kOwnClosing, kBegunClosing}) {
      forget.bind_text(1, key).bind(2, each.label.medium).run();
    }
    if (each.label.role == IndexRole::closing) {
      note.bind_text(1, kOwnClosing).bind(2, each.label.medium);
      note.bind(3, static_cast<std::int64_t>(each.label.sequence)).run();
    }
  }
}

void count(Database& catalog, Recovered& recovered) {
  Statement query(
      catalog,
      "SELECT (SELECT count(*) FROM medium), (SELECT count(*) FROM job), (SELECT count(*) "
      "FROM version), (SELECT count(*) FROM content), (SELECT count(*) FROM content WHERE "
      "hash IS NULL AND written = 1)");
  query.step();
  const auto at = [&](int column) { return static_cast<std::size_t>(query.integer(column)); };
  recovered.media = at(0);
  recovered.jobs = at(1);
  recovered.versions = at(2);
  recovered.contents = at(3);
  recovered.unhashed = at(4);
}

}  // namespace

Recovered recover_catalog(const std::vector<FoundIndex>& found, const std::filesystem::path& to,
                          const std::optional<Seen>& seen) {
  std::vector<FoundIndex> ordered = found;
  std::sort(ordered.begin(), ordered.end(), comes_before);
  const std::filesystem::path draft = beside(to, ".recovering");
  remove_database(draft);
  if (ordered.empty()) {
    throw Error(ErrorCode::not_found,
                "recover the catalog " + to.string() + ": no index was found");
  }
  const bool existing = std::filesystem::exists(to) && take_existing(to, draft);
  const std::set<Uuid> known = existing ? media_of(draft) : std::set<Uuid>();
  Recovered recovered;
  take_indexes(ordered, existing, draft, recovered);
  // Once it keeps a log, who only reads it would leave that beside it.
  const std::set<Uuid> media = media_of(draft);
  {
    Database catalog(draft, Database::Mode::read_write, Database::Kind::index);
    catalog.distrust();
    if (const std::string words = check_catalog(catalog); !words.empty()) {
      throw Error(ErrorCode::corrupt,
                  "recover the catalog " + to.string() + ": the result is not sound: " + words);
    }
    note_closing_indexes(catalog, ordered, recovered);
    count(catalog, recovered);
    catalog.execute("PRAGMA journal_mode = WAL");
  }
  if (seen) {
    Seen believed = *seen;
    for (const FoundIndex& each : ordered) {
      if (is_left_out(each, recovered)) {
        believed.told.erase(each.label.medium);
      }
    }
    note_unseen(media, known, believed);
  }
  put_in_place(draft, to);
  return recovered;
}

}  // namespace mixtape::catalog
