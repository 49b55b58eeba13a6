// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/snapshot.h"

#include <algorithm>
#include <fstream>

#include "engine/catalog/index_check.h"
#include "engine/catalog/migrations.h"
#include "engine/catalog/rows.h"
#include "tapeio/error.h"

namespace mixtape::catalog {
namespace {

constexpr std::uint32_t kIndexFormat = 1;

// A billion file versions; more than that on one medium is no index of ours.
constexpr std::uintmax_t kMaxIndexBytes = 256 * GiB;

constexpr std::string_view kTapeFileTable =
    "CREATE TABLE tape_file(role TEXT NOT NULL, format INTEGER NOT NULL, catalog BLOB NOT NULL, "
    "medium BLOB NOT NULL, medium_label TEXT NOT NULL, record_size INTEGER NOT NULL, "
    "tape_file INTEGER NOT NULL, bundle BLOB, last_bundle INTEGER NOT NULL, written INTEGER NOT "
    "NULL, "
    "sequence INTEGER NOT NULL) STRICT";

constexpr std::string_view kBundleRole = "bundle";
constexpr std::string_view kClosingRole = "closing";

// Deletes a file that did not become whole.
class Draft {
 public:
  explicit Draft(const std::filesystem::path& file) : file_(file) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (!kept_) {
      std::error_code ignored;
      std::filesystem::remove(file_, ignored);
    }
  }
  void keep() { kept_ = true; }

 private:
  const std::filesystem::path& file_;
  bool kept_ = false;
};

[[noreturn]] void reject(const std::filesystem::path& index, const std::string& why) {
  throw Error(ErrorCode::corrupt, "read index " + index.string() + ": " + why);
}

void enter_label(Database& index, const IndexLabel& label) {
  index.execute(std::string(kTapeFileTable));
  Statement insert(index, "INSERT INTO tape_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind_text(1, label.role == IndexRole::bundle ? kBundleRole : kClosingRole)
      .bind(2, label.format)
      .bind(3, label.catalog)
      .bind(4, label.medium)
      .bind_text(5, label.medium_label)
      .bind(6, static_cast<std::int64_t>(label.record_size))
      .bind(7, static_cast<std::int64_t>(label.tape_file));
  if (label.bundle) {
    insert.bind(8, *label.bundle);
  } else {
    insert.bind_null(8);
  }
  insert.bind(9, static_cast<std::int64_t>(label.last_bundle))
      .bind(10, label.written_s)
      .bind(11, static_cast<std::int64_t>(label.sequence))
      .run();
}

// Before SQLite sees it: a complete database file that needs no log beside it. What follows the
// pages is the padding of the tape file.
void check_header(const std::filesystem::path& index) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::array<std::byte, 100> header;
  std::ifstream file(index, std::ios::binary);
  const std::uintmax_t size = std::filesystem::file_size(index);
  if (size > kMaxIndexBytes) {
    reject(index, "too large");
  }
  if (!file.read(reinterpret_cast<char*>(header.data()), header.size()) ||
      as_text(header).substr(0, kMagic.size()) != kMagic) {
    reject(index, "not an SQLite database");
  }
  constexpr std::byte kNoLog{1};
  if (header[18] != kNoLog || header[19] != kNoLog) {
    reject(index, "not a database that stands alone");
  }
  const std::uintmax_t stored_page = load_big_endian<std::uint16_t>(&header[16]);
  const std::uintmax_t page =
      stored_page == 1 ? 65536 : stored_page;  // The format's own way to say so.
  const std::uintmax_t pages = load_big_endian<std::uint32_t>(&header[28]);
  if (pages == 0 || page * pages > size) {
    reject(index, "cut short");
  }
}

void check_versions(Database& database, const std::filesystem::path& index) {
  Statement application(database, "PRAGMA application_id");
  application.step();
  if (application.integer(0) != kCatalogApplicationId) {
    reject(index, "not a catalog");
  }
  refuse_newer(database, "main", catalog_steps(), "index " + index.string());
  const std::size_t version = schema_version(database, "main");
  if (version == 0) {
    reject(index, "not a catalog");
  }
  // The schema must be to the letter what we made: no view, trigger or expression of another's
  // runs.
  Database expected(":memory:", Database::Mode::create);
  migrate(expected, "main", catalog_steps().first(version), "schema");
  expected.execute(std::string(kTapeFileTable));
  if (schema_text(database) != schema_text(expected)) {
    reject(index, "its schema is not that of version " + std::to_string(version));
  }
}

// Whose header and schema are right.
Database open_index(const std::filesystem::path& index) {
  check_header(index);
  Database database(index, Database::Mode::read_only, Database::Kind::index);
  database.distrust();
  check_versions(database, index);
  return database;
}

std::uint64_t unsigned_column(const Statement& row, int column,
                              const std::filesystem::path& index) {
  if (row.integer(column) < 0 || row.integer(column) > kMostCounted) {
    reject(index, "a number in its label that nothing has counted");
  }
  return static_cast<std::uint64_t>(row.integer(column));
}

IndexLabel read_label(Database& database, const std::filesystem::path& index) {
  Statement row(
      database,
      "SELECT role, format, catalog, medium, medium_label, record_size, tape_file, bundle, "
      "last_bundle, written, sequence, count(*) OVER () FROM tape_file LIMIT 1");
  if (!row.step() || row.integer(11) != 1) {
    reject(index, "it has no label, or more than one");
  }
  const std::uint64_t format = unsigned_column(row, 1, index);
  if (format > kIndexFormat) {
    throw Error(ErrorCode::unsupported, "read index " + index.string() + ": it is of format " +
                                            std::to_string(format) + ", this program knows up to " +
                                            std::to_string(kIndexFormat) + "; use a newer program");
  }
  IndexLabel label;
  const std::string role = row.text(0);
  label.role = role == kBundleRole ? IndexRole::bundle : IndexRole::closing;
  label.format = static_cast<std::uint32_t>(format);
  label.catalog = uuid_from(row.blob(2));
  label.medium = uuid_from(row.blob(3));
  label.medium_label = row.text(4);
  label.record_size = unsigned_column(row, 5, index);
  label.tape_file = unsigned_column(row, 6, index);
  if (!row.is_null(7)) {
    label.bundle = uuid_from(row.blob(7));
  }
  label.last_bundle = unsigned_column(row, 8, index);
  label.written_s = row.integer(9);
  label.sequence = unsigned_column(row, 10, index);
  const bool role_known = role == kBundleRole || role == kClosingRole;
  const bool in_time = label.written_s >= 0 && label.written_s <= kLastSecond;
  if (!role_known || format == 0 || !in_time || !is_possible_record_size(row.integer(5)) ||
      !is_possible_label(label.medium_label, label.medium) ||
      label.bundle.has_value() != (label.role == IndexRole::bundle)) {
    reject(index, "its label makes no sense");
  }
  return label;
}

}  // namespace

void export_index(Database& catalog, const IndexLabel& label, const std::filesystem::path& to) {
  if (std::filesystem::exists(to)) {
    throw Error(ErrorCode::conflict, "write index " + to.string() + ": the file is there already");
  }
  Draft draft(to);
  Statement(catalog, "VACUUM main INTO ?").bind_text(1, to.string()).run();
  Database index(to, Database::Mode::read_write, Database::Kind::index);
  // Of a file that is thrown away when anything fails, no journal is needed.
  index.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL");
  Transaction transaction(index);
  enter_label(index, label);
  for (const std::string_view of_here : {kOpenEnd, kOwnClosing, kBegunClosing, kNews}) {
    Statement(index, "DELETE FROM meta WHERE substr(key, 1, length(?1)) = ?1")
        .bind_text(1, of_here)
        .run();
  }
  transaction.commit();
  draft.keep();
}

IndexLabel label_of_index(const std::filesystem::path& index) {
  Database database = open_index(index);
  return read_label(database, index);
}

IndexLabel inspect_index(const std::filesystem::path& index) {
  Database database = open_index(index);
  Statement integrity(database, "PRAGMA quick_check(1)");
  if (!integrity.step() || integrity.text(0) != "ok") {
    reject(index, "damaged: " + integrity.text(0));
  }
  integrity.reset();
  return read_label(database, index);
}

Bytes archive_header_in(const std::filesystem::path& index, const Uuid& bundle) {
  Database database(index, Database::Mode::read_only, Database::Kind::index);
  database.distrust();
  Statement query(database, "SELECT archive_header FROM bundle WHERE uuid = ?1");
  query.bind(1, ByteView(bundle));
  if (!query.step()) {
    return {};
  }
  const ByteView header = query.blob(0);
  return {header.begin(), header.end()};
}

std::vector<IndexedMember> members_in(const std::filesystem::path& index, const Uuid& bundle) {
  constexpr std::int64_t kBlock = 512;
  Database database(index, Database::Mode::read_only, Database::Kind::index);
  database.distrust();
  Statement query(database,
                  "SELECT k.block, k.headers, coalesce(k.stored, c.size) FROM bundle b CROSS JOIN "
                  "copy k ON k.content BETWEEN b.first_content AND b.last_content AND k.bundle = "
                  "b.id JOIN content c ON c.id = k.content WHERE b.uuid = ?1 ORDER BY k.block");
  query.bind(1, ByteView(bundle));
  std::vector<IndexedMember> members;
  while (query.step()) {
    const auto begin = static_cast<std::uint64_t>(query.integer(0) * kBlock);
    members.push_back({.member_offset = begin,
                       .data_offset = begin + static_cast<std::uint64_t>(query.integer(1) * kBlock),
                       .stored_size = static_cast<std::uint64_t>(query.integer(2))});
  }
  return members;
}

}  // namespace mixtape::catalog
