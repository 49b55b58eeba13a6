// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/sources.h"

#include "engine/catalog/children.h"

namespace mixtape::catalog {

struct Sources::Statements {
  explicit Statements(Database& db)
      : reader(db),
        children(db),
        stamp(db, "SELECT device, inode, ctime, readable FROM state.source WHERE path = ?"),
        set_stamp(db, "INSERT OR REPLACE INTO state.source VALUES (?, ?, ?, ?, ?)"),
        remove(db, "DELETE FROM state.source WHERE path = ?"),
        early_hash(db,
                   "SELECT hash FROM state.early_hash WHERE device = ? AND inode = ? AND size = ? "
                   "AND mtime = ? AND ctime = ?"),
        keep_early_hash(db, "INSERT OR REPLACE INTO state.early_hash VALUES (?, ?, ?, ?, ?, ?)") {}

  VersionReader reader;
  Children children;
  Statement stamp, set_stamp, remove, early_hash, keep_early_hash;
};

namespace {

Statement& bind_identity(Statement& statement, const FileIdentity& file) {
  return statement.bind(1, static_cast<std::int64_t>(file.device))
      .bind(2, static_cast<std::int64_t>(file.inode))
      .bind(3, static_cast<std::int64_t>(file.size))
      .bind(4, file.mtime_ns)
      .bind(5, file.ctime_ns);
}

}  // namespace

Sources::Sources(Database& database)
    : database_(database), statements_(std::make_unique<Statements>(database)) {}

Sources::~Sources() = default;

std::optional<SourceStamp> Sources::stamp(PathId path) {
  Statement& query = statements_->stamp;
  Running running(query);
  if (!query.bind(1, number(path)).step()) {
    return std::nullopt;
  }
  return SourceStamp{static_cast<std::uint64_t>(query.integer(0)),
                     static_cast<std::uint64_t>(query.integer(1)), query.integer(2),
                     query.integer(3) != 0};
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

void Sources::children(PathId parent, const std::function<void(const Known&)>& each) {
  statements_->children.read(
      number(parent), kNow, [&](const std::string& name, const std::vector<VersionRow>& versions) {
        const VersionRow& newest = versions.back();
        if (newest.open()) {
          each({name, statements_->reader.version(newest), stamp(PathId{newest.path})});
        }
        return true;
      });
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
