// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tapeio/bytes.h"

// SQLite as RAII values: the only door to it. No other room includes <sqlite3.h>.
//
// Errors: every failing call throws Error that names the file and what to do; SQLITE_FULL is
//         no_space, BUSY locked, CORRUPT, NOTADB and TOOBIG corrupt, CONSTRAINT conflict, READONLY
//         write_protected, INTERRUPT cancelled, a file that this user may not open not_permitted,
//         else io. Where only a programmer can tell what it means, the statement stands at the end,
//         never with its parameters.

struct sqlite3;
struct sqlite3_stmt;

namespace mixtape::catalog {

class Database {
 public:
  enum class Mode { read_only, read_write, create };
  // What the file is, and so what to do when it fails.
  enum class Kind { catalog, state, index, previews };
  Database(const std::filesystem::path& file, Mode mode, Kind kind = Kind::catalog);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  void execute(const std::string& sql);  // One or more statements without results.
  [[nodiscard]] std::int64_t last_insert_id() const;
  [[nodiscard]] std::int64_t changes() const;
  void distrust();   // Bounds values and checks cells: for files that others made.
  void interrupt();  // From any thread.
  // Grows with every rollback: row numbers remembered from before may name nothing any more.
  [[nodiscard]] std::uint64_t rollbacks() const { return rollbacks_; }
  [[nodiscard]] sqlite3* handle() const { return handle_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool read_only() const;

 private:
  friend class Transaction;
  sqlite3* handle_ = nullptr;
  Kind kind_;
  std::uint64_t rollbacks_ = 0;
  bool doomed_ = false;  // A nested transaction was given up: the outer one must not commit.
};

// A prepared statement, reused. Parameters from 1, columns from 0.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, ByteView blob);  // Copied.
  Statement& bind_text(int index, std::string_view text);
  Statement& bind_name(int index, std::string_view bytes);  // A name: a BLOB.
  Statement& bind_null(int index);

  // Steps; true when a row is there. After false the statement is reset and may be bound again.
  bool step();
  // Runs a statement that returns no rows.
  void run();
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(int column) const;
  [[nodiscard]] ByteView blob(int column) const;  // Valid until the next step.
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  sqlite3_stmt* handle_ = nullptr;
  sqlite3* database_ = nullptr;
  Database::Kind kind_;
};

// A statement while its rows are read: reset at the end of the scope, however that is left. A
// reader that is not reset keeps its snapshot, and the write-ahead log behind it, alive.
class Running {
 public:
  explicit Running(Statement& statement) : statement_(statement) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { statement_.reset(); }

 private:
  Statement& statement_;
};

[[nodiscard]] bool in_transaction(const Database& database);

// BEGIN IMMEDIATE ... COMMIT. Rolls back when destroyed uncommitted. Nested ones join the outer,
// which cannot commit any more (Error{conflict}) when one of them was not committed.
class Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool outermost_;
  bool done_ = false;
};

// Another database file under a name of its own in a connection, for as long as the object lives.
// No statement on it may outlive the object.
class Attached {
 public:
  Attached(Database& database, const std::filesystem::path& file, std::string_view schema);
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  ~Attached();

 private:
  Database& database_;
  const std::string schema_;
};

}  // namespace mixtape::catalog
