// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::catalog {
namespace {

// How long a statement waits for another process (a checkpoint, a migration) before it is `locked`.
constexpr int kBusyTimeoutMs = 20'000;

ErrorCode code_of(int result) {
  if (result == SQLITE_IOERR_SHORT_READ) {
    return ErrorCode::corrupt;  // The file is shorter than it says.
  }
  switch (result & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::no_space;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::locked;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_TOOBIG:
      return ErrorCode::corrupt;
    case SQLITE_CONSTRAINT:
      return ErrorCode::conflict;
    case SQLITE_READONLY:
      return ErrorCode::write_protected;
    case SQLITE_INTERRUPT:
      return ErrorCode::cancelled;
    default:
      return ErrorCode::io;
  }
}

std::string file_of(sqlite3* database) {
  for (const char* schema : {"main", "state"}) {
    const char* file = sqlite3_db_filename(database, schema);
    if (file != nullptr && *file != '\0') {
      return file;
    }
  }
  return "in memory";
}

std::string named(Database::Kind kind, const std::string& file) {
  switch (kind) {
    case Database::Kind::catalog:
      return "catalog " + file;
    case Database::Kind::state:
      return "state " + file;
    case Database::Kind::index:
      return "index " + file;
    case Database::Kind::previews:
      return "previews " + file;
  }
  MIXTAPE_ASSERT(!"every kind is handled above");
}

std::string mending_of(Database::Kind kind, const std::string& file) {
  switch (kind) {
    case Database::Kind::catalog:
      return "; move " + file +
             "* aside and run `mixtape recover --library URL --identity FILE`, every medium has a "
             "copy";
    case Database::Kind::state:
    case Database::Kind::previews:
      return "; delete " + file + "*, it is made again";
    case Database::Kind::index:
      return "";
  }
  MIXTAPE_ASSERT(!"every kind is handled above");
}

// What kept the operating system from opening or reading the file; empty when it was not that.
std::string system_reason(sqlite3* database, int result) {
  const int reason = result & 0xff;
  const int error = database == nullptr ? 0 : sqlite3_system_errno(database);
  return (reason == SQLITE_CANTOPEN || reason == SQLITE_IOERR) && error != 0
             ? std::generic_category().message(error)
             : "";
}

Error cannot_open(sqlite3* database, int result, const std::string& what) {
  const int error = sqlite3_system_errno(database);
  const std::string reason = system_reason(database, result);
  return {error == EACCES || error == EPERM ? ErrorCode::not_permitted : ErrorCode::io,
          "open " + what + ": " + (reason.empty() ? sqlite3_errstr(result) : reason) +
              "; check that this user may read and write it and its directory"};
}

// One sentence for people: what the statement was tells them nothing.
Error failure(sqlite3* database, Database::Kind kind, int result, const std::string& file) {
  const ErrorCode code = code_of(result);
  const std::string what = named(kind, file);
  const std::string why = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(result);
  switch (code) {
    case ErrorCode::no_space:
      return {code, "write " + what +
                        ": its disk is full; free some space and run it again, nothing was lost"};
    case ErrorCode::locked:
      return {code, "use " + what +
                        ": another process keeps it busy; end other mixtape commands, unmount the "
                        "home, and run it again"};
    case ErrorCode::corrupt:
      return {code, "read " + what + ": it is damaged (" + why + ")" + mending_of(kind, file)};
    case ErrorCode::write_protected:
      return {code, "write " + what +
                        ": this user may only read it; check the owner and the permissions of it "
                        "and of its directory"};
    default:
      break;
  }
  if ((result & 0xff) == SQLITE_CANTOPEN && database != nullptr) {
    return cannot_open(database, result, what);
  }
  const std::string reason = system_reason(database, result);
  return {code, "use " + what + ": " + why + (reason.empty() ? "" : " (" + reason + ")")};
}

[[noreturn]] void fail(sqlite3* database, Database::Kind kind, int result) {
  throw failure(database, kind, result, file_of(database));
}

// Absent and out of reach are told apart: both look like no file to those who only ask for one.
void require_file(const std::filesystem::path& file, Database::Kind kind) {
  std::error_code unreachable;
  if (!std::filesystem::exists(file, unreachable)) {
    const std::string what = "open " + named(kind, file.string());
    if (unreachable) {
      throw_errno(what, unreachable.value());
    }
    throw Error(ErrorCode::not_found, what + ": no such file");
  }
}

}  // namespace

Database::Database(const std::filesystem::path& file, Mode mode, Kind kind) : kind_(kind) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::create) {
    flags |= SQLITE_OPEN_CREATE;
  } else {
    require_file(file, kind);
  }
  const int result = sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr);
  if (result != SQLITE_OK) {
    const Error error = failure(handle_, kind, result, file.string());
    sqlite3_close_v2(std::exchange(handle_, nullptr));
    throw error;
  }
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
}

void Database::distrust() {
  // No single value of ours is longer: names, xattrs and headers are far below.
  constexpr int kLongestValue = 64 * 1024 * 1024;
  sqlite3_limit(handle_, SQLITE_LIMIT_LENGTH, kLongestValue);
  execute("PRAGMA cell_size_check = ON");
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      kind_(other.kind_),
      rollbacks_(other.rollbacks_),
      doomed_(other.doomed_) {}

Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    sqlite3_close_v2(handle_);
    handle_ = std::exchange(other.handle_, nullptr);
    kind_ = other.kind_;
    rollbacks_ = other.rollbacks_;
    doomed_ = other.doomed_;
  }
  return *this;
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

void Database::execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) {
    fail(handle_, kind_, result);
  }
}

std::int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(handle_);
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(handle_);
}

bool Database::read_only() const {
  return sqlite3_db_readonly(handle_, "main") == 1;
}

void Database::interrupt() {
  sqlite3_interrupt(handle_);
}

Statement::Statement(Database& database, std::string_view sql)
    : database_(database.handle()), kind_(database.kind()) {
  const int result = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (result != SQLITE_OK) {
    fail(database_, kind_, result);
  }
}

Statement::Statement(Statement&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      database_(other.database_),
      kind_(other.kind_) {}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

Statement& Statement::bind(int index, std::int64_t value) {
  MIXTAPE_ASSERT(sqlite3_bind_int64(handle_, index, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int index, ByteView blob) {
  // A null pointer would bind NULL: an empty value keeps being a value.
  const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
  const int result = sqlite3_bind_blob64(handle_, index, data, blob.size(), SQLITE_TRANSIENT);
  if (result != SQLITE_OK) {
    fail(database_, kind_, result);
  }
  return *this;
}

Statement& Statement::bind_text(int index, std::string_view text) {
  const char* data = text.empty() ? "" : text.data();
  const int result =
      sqlite3_bind_text64(handle_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (result != SQLITE_OK) {
    fail(database_, kind_, result);
  }
  return *this;
}

Statement& Statement::bind_name(int index, std::string_view bytes) {
  return bind(index, as_bytes(bytes));
}

Statement& Statement::bind_null(int index) {
  MIXTAPE_ASSERT(sqlite3_bind_null(handle_, index) == SQLITE_OK);
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(handle_);
  if (result == SQLITE_ROW) {
    return true;
  }
  sqlite3_reset(handle_);
  if (result != SQLITE_DONE) {
    fail(database_, kind_, result);
  }
  return false;
}

void Statement::run() {
  while (step()) {
  }
}

void Statement::reset() {
  sqlite3_reset(handle_);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::optional<std::int64_t> Statement::maybe_integer(int column) const {
  if (is_null(column)) {
    return std::nullopt;
  }
  return integer(column);
}

ByteView Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(handle_, column);
  const int size = sqlite3_column_bytes(handle_, column);
  return {static_cast<const std::byte*>(data),
          data == nullptr ? 0 : static_cast<std::size_t>(size)};
}

std::string Statement::text(int column) const {
  return std::string(as_text(blob(column)));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

bool in_transaction(const Database& database) {
  return sqlite3_get_autocommit(database.handle()) == 0;
}

Transaction::Transaction(Database& database)
    : database_(database), outermost_(!in_transaction(database)) {
  if (outermost_) {
    database_.doomed_ = false;
    database_.execute("BEGIN IMMEDIATE");
  }
}

Transaction::~Transaction() {
  if (done_) {
    return;
  }
  if (!outermost_) {
    database_.doomed_ = true;
    return;
  }
  // Fails only when SQLite has rolled back by itself (no space, I/O error), which is what we want.
  sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  ++database_.rollbacks_;
}

void Transaction::commit() {
  if (outermost_) {
    if (database_.doomed_) {
      throw Error(ErrorCode::conflict, "commit to the catalog: a part of the change failed before");
    }
    database_.execute("COMMIT");
  }
  done_ = true;
}

Attached::Attached(Database& database, const std::filesystem::path& file, std::string_view schema)
    : database_(database), schema_(schema) {
  Statement(database_, "ATTACH ? AS " + schema_).bind_text(1, file.string()).run();
}

Attached::~Attached() {
  // Fails only inside a transaction or under an open statement, where nothing may be left open.
  sqlite3_exec(database_.handle(), ("DETACH " + schema_).c_str(), nullptr, nullptr, nullptr);
}

}  // namespace mixtape::catalog
