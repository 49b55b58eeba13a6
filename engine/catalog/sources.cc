// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/sources.h"

#include "engine/catalog/rows.h"

namespace mixtape::catalog {

struct Sources::Statements {
  explicit Statements(Database& db)
      : reader(db),
        children(db,
                 "SELECT n.name, v.path, v.last_job, v.attribute, s.device, s.inode, s.ctime, "
                 "s.readable FROM name n CROSS JOIN version v ON v.path = n.path LEFT JOIN "
                 "state.source s ON s.path = n.path WHERE n.parent = ? ORDER BY n.name, "
                 "v.first_job"),
        stamp(db, "SELECT device, inode, ctime, readable FROM state.source WHERE path = ?"),
        set_stamp(db, "INSERT OR REPLACE INTO state.source VALUES (?, ?, ?, ?, ?)"),
        remove(db, "DELETE FROM state.source WHERE path = ?"),
        early_hash(db,
                   "SELECT hash FROM state.early_hash WHERE device = ? AND inode = ? AND size = ? "
                   "AND mtime = ? AND ctime = ?"),
        keep_early_hash(db, "INSERT OR REPLACE INTO state.early_hash VALUES (?, ?, ?, ?, ?, ?)") {}

  VersionReader reader;
  Statement children, stamp, set_stamp, remove, early_hash, keep_early_hash;
};

namespace {

Statement& bind_identity(Statement& statement, const FileIdentity& file) {
  return statement.bind(1, static_cast<std::int64_t>(file.device))
      .bind(2, static_cast<std::int64_t>(file.inode))
      .bind(3, static_cast<std::int64_t>(file.size))
      .bind(4, file.mtime_ns)
      .bind(5, file.ctime_ns);
}

SourceStamp stamp_from(const Statement& row, int at) {
  return {static_cast<std::uint64_t>(row.integer(at)),
          static_cast<std::uint64_t>(row.integer(at + 1)), row.integer(at + 2),
          row.integer(at + 3) != 0};
}

}  // namespace

Sources::Sources(Database& database)
    : database_(database), statements_(std::make_unique<Statements>(database)) {}

Sources::~Sources() = default;

std::optional<SourceStamp> Sources::stamp(PathId path) {
  Statement& query = statements_->stamp;
  Running running(query);
  return query.bind(1, number(path)).step() ? std::optional(stamp_from(query, 0)) : std::nullopt;
}

void Sources::set_stamp(PathId path, const SourceStamp& stamp) {
  statements_->set_stamp.bind(1, number(path))
      .bind(2, static_cast<std::int64_t>(stamp.device))
      .bind(3, static_cast<std::int64_t>(stamp.inode))
      .bind(4, stamp.ctime_ns)
      .bind(5, stamp.readable ? 1 : 0)
      .run();
}

void Sources::remove(PathId path) {
  statements_->remove.bind(1, number(path)).run();
}

void Sources::children(PathId parent, const std::function<void(const Child&)>& each) {
  Statement& rows = statements_->children;
  Running running(rows);
  rows.bind(1, number(parent));
  Child child;
  bool there = false;  // What was read last is of a version that has not ended.
  while (rows.step()) {
    const PathId path{rows.integer(1)};
    if (path != child.path) {
      if (there) {
        each(child);
      }
      child.path = path;
      child.name = as_text(rows.blob(0));
    }
    // The versions of a path come by age: the last one counts.
    there = rows.is_null(2);
    if (there) {
      VersionRow row;
      row.attribute = rows.integer(3);
      child.is_directory = statements_->reader.is_directory(row);
      child.stamp = rows.is_null(4) ? std::nullopt : std::optional(stamp_from(rows, 4));
    }
  }
  if (there) {
    each(child);
  }
}

std::optional<Hash> Sources::early_hash(const FileIdentity& file) {
  Statement& query = statements_->early_hash;
  Running running(query);
  if (!bind_identity(query, file).step()) {
    return std::nullopt;
  }
  return hash_from(query.blob(0));
}

void Sources::keep_early_hash(const FileIdentity& file, const Hash& hash) {
  bind_identity(statements_->keep_early_hash, file).bind(6, hash).run();
}

void Sources::forget_early_hashes() {
  database_.execute("DELETE FROM state.early_hash");
}

}  // namespace mixtape::catalog
