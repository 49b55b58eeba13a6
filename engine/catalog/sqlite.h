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
// Errors: every failing call throws Error with the statement's purpose; SQLITE_FULL is no_space, BUSY locked,
//         CORRUPT and NOTADB corrupt, READONLY write_protected, INTERRUPT cancelled, else io.

struct sqlite3;
struct sqlite3_stmt;

namespace mixtape::catalog {

class Database {
 public:
  enum class Mode { read_only, read_write, create };
  Database(const std::filesystem::path& file, Mode mode);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  void execute(const std::string& sql);  // One or more statements without results.
  [[nodiscard]] std::int64_t last_insert_id() const;
  [[nodiscard]] std::int64_t changes() const;
  void interrupt();  // From any thread.
  [[nodiscard]] sqlite3* handle() const { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

// A prepared statement, reused. Parameters from 1, columns from 0.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  Statement(Statement&&) noexcept;
  ~Statement();

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, ByteView blob);       // Copied.
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
};

// BEGIN IMMEDIATE ... COMMIT. Rolls back when destroyed uncommitted. Nested ones join the outer.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool outermost_;
  bool done_ = false;
};

}  // namespace mixtape::catalog
