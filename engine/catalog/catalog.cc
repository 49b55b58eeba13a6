// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/catalog.h"

#include "engine/catalog/migrations.h"
#include "engine/catalog/rows.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::catalog {
namespace {

// The writer of a scan touches every table for every file; readers are one per thread and stay
// small.
constexpr int kWriterCacheKib = 64 * 1024;
constexpr int kReaderCacheKib = 4 * 1024;
// What is left of the write-ahead log of a large scan after it was copied back.
constexpr int kLogBytes = 64 * 1024 * 1024;

void require_application_id(Database& database, const std::filesystem::path& file) {
  Statement query(database, "PRAGMA main.application_id");
  query.step();
  if (query.integer(0) != kCatalogApplicationId) {
    throw Error(ErrorCode::corrupt, "open catalog " + file.string() +
                                        ": not a mixtape catalog; move it aside and run `mixtape "
                                        "recover`, every medium has a copy");
  }
}

// Lines as parts of one sentence; SQLite breaks what it says of damage within.
std::string in_one_line(std::string_view lines) {
  while (lines.ends_with('\n')) {
    lines.remove_suffix(1);
  }
  std::string words;
  for (const char each : lines) {
    words += each == '\n' ? std::string("; ") : std::string(1, each);
  }
  return words;
}

void attach_state(Database& database, const std::filesystem::path& state_db) {
  Statement attach(database, "ATTACH ? AS state");
  attach.bind_text(1, state_db.string()).run();
}

// state.db can always be made again: it is made here when it is missing or older.
void prepare_state(const std::filesystem::path& state_db) {
  if (std::filesystem::exists(state_db)) {
    Database probe(state_db, Database::Mode::read_only, Database::Kind::state);
    if (schema_version(probe, "main") >= state_steps().size()) {
      return;
    }
  }
  (void)open_state(state_db);
}

}  // namespace

namespace {

void fill_catalog(const std::string& file, const std::string& what, std::string_view name) {
  Database database(file, Database::Mode::create);
  // All of it in the one file: a log beside it would keep the old name.
  database.execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL");
  Transaction transaction(database);
  migrate(database, "main", catalog_steps(), what);
  Statement meta(database, "INSERT INTO meta VALUES (?, ?)");
  meta.bind_text(1, "uuid").bind(2, new_uuid()).run();
  meta.bind_text(1, "name").bind_text(2, name).run();
  meta.bind_text(1, "sequence").bind(2, 0).run();
  transaction.commit();
}

}  // namespace

void create_catalog(const std::filesystem::path& catalog_db, std::string_view name) {
  if (std::filesystem::exists(catalog_db)) {
    throw Error(ErrorCode::conflict,
                "create catalog " + catalog_db.string() + ": it is there already");
  }
  // Under another name until it is whole: who dies here leaves none.
  const std::string fresh = catalog_db.string() + ".new";
  for (const char* part : {"", "-wal", "-shm", "-journal"}) {
    tapeio::remove_file(fresh + part);
  }
  fill_catalog(fresh, "catalog " + catalog_db.string(), name);
  tapeio::rename_file(fresh, catalog_db);
  tapeio::fsync_directory(catalog_db.parent_path().empty() ? "." : catalog_db.parent_path());
}

Database open_catalog(const std::filesystem::path& catalog_db,
                      const std::filesystem::path& state_db, Access access) {
  const bool write = access == Access::write;
  if (!std::filesystem::exists(catalog_db)) {
    throw Error(ErrorCode::not_found, "open catalog " + catalog_db.string() +
                                          ": there is none; run `mixtape init`, or `mixtape "
                                          "recover --library URL --identity FILE` "
                                          "when media exist");
  }
  const std::string what = "catalog " + catalog_db.string();
  Database database(catalog_db, write ? Database::Mode::read_write : Database::Mode::read_only);
  require_application_id(database, catalog_db);
  refuse_newer(database, "main", catalog_steps(), what);
  database.execute("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -" +
                   std::to_string(write ? kWriterCacheKib : kReaderCacheKib));
  if (write) {
    database.execute("PRAGMA main.journal_mode = WAL; PRAGMA main.synchronous = FULL");
    database.execute("PRAGMA main.journal_size_limit = " + std::to_string(kLogBytes));
    migrate(database, "main", catalog_steps(), what);
  } else if (schema_version(database, "main") < catalog_steps().size()) {
    throw Error(ErrorCode::conflict,
                "open " + what + ": its schema is older; run a command that writes once");
  }
  prepare_state(state_db);
  attach_state(database, state_db);
  refuse_newer(database, "state", state_steps(), "state " + state_db.string());
  // What is lost of the state with a power failure costs some hashing, never data.
  database.execute("PRAGMA state.synchronous = NORMAL");
  return database;
}

Database open_state(const std::filesystem::path& state_db) {
  { Database created(state_db, Database::Mode::create, Database::Kind::state); }
  Database holder(":memory:", Database::Mode::create, Database::Kind::state);
  attach_state(holder, state_db);
  holder.execute("PRAGMA state.journal_mode = WAL");
  migrate(holder, "state", state_steps(), "state " + state_db.string());
  return holder;
}

std::string check_catalog(Database& database) {
  std::string words;
  Statement integrity(database, "PRAGMA main.integrity_check(20)");
  while (integrity.step()) {
    if (integrity.text(0) != "ok") {
      words += integrity.text(0) + "\n";
    }
  }
  Statement keys(database, "PRAGMA main.foreign_key_check");
  while (keys.step()) {
    words += "table " + keys.text(0) + " refers to a missing row of " + keys.text(2) + "\n";
  }
  return in_one_line(words + check_tree(database));
}

}  // namespace mixtape::catalog
