// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/counted.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <sstream>

#include "tapeio/error.h"

namespace mixtape::catalog {
namespace {

// Clocks of file systems tick each few milliseconds, those of the coarsest each two seconds.
constexpr std::int64_t kTick_s = 2;

bool sees_what_the_files_have(Database& database) {
  if (in_transaction(database)) {
    return false;
  }
  for (sqlite3_stmt* each = sqlite3_next_stmt(database.handle(), nullptr); each != nullptr;
       each = sqlite3_next_stmt(database.handle(), each)) {
    if (sqlite3_stmt_busy(each) != 0) {
      return false;
    }
  }
  return true;
}

std::string file_of(Database& database, const char* schema) {
  const char* const name = sqlite3_db_filename(database.handle(), schema);
  return name == nullptr ? "" : name;
}

}  // namespace

Counted::Counted(Database& database, std::string what, std::string given)
    : database_(database), what_(std::move(what)), given_(std::move(given)) {
  if (sees_what_the_files_have(database)) {
    catalog_file_ = file_of(database, "main");
    state_file_ = file_of(database, "state");
  }
  if (!catalog_file_.empty() && !state_file_.empty()) {
    as_of_ = state_of_catalog();
  }
}

// Empty: it cannot be told, or it changed within the last tick.
std::string Counted::state_of_catalog() const {
  std::string state;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  for (const char* ending : {"", "-wal"}) {
    struct stat status {};
    if (::stat((catalog_file_ + ending).c_str(), &status) != 0) {
      if (errno != ENOENT || *ending == '\0') {
        return "";
      }
      continue;
    }
    if (*ending != '\0' && status.st_size == 0) {
      continue;  // A reader left it: as if there were none.
    }
    if (status.st_mtim.tv_sec > now.tv_sec - kTick_s) {
      return "";
    }
    state += std::to_string(status.st_ino) + " " + std::to_string(status.st_size) + " " +
             std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec) +
             "; ";
  }
  return state + given_;
}

std::optional<std::vector<std::int64_t>> Counted::known() {
  if (as_of_.empty()) {
    return std::nullopt;
  }
  Statement query(database_, "SELECT counts FROM state.counted WHERE what = ? AND as_of = ?");
  if (!query.bind_text(1, what_).bind_text(2, as_of_).step()) {
    return std::nullopt;
  }
  std::vector<std::int64_t> values;
  std::istringstream counts(query.text(0));
  for (std::int64_t value = 0; counts >> value;) {
    values.push_back(value);
  }
  return values;
}

void Counted::keep(const std::vector<std::int64_t>& values) {
  if (as_of_.empty() || state_of_catalog() != as_of_) {
    return;
  }
  std::string counts;
  for (const std::int64_t value : values) {
    counts += std::to_string(value) + " ";
  }
  try {
    // Of its own: that of a reader cannot write, and both wait for other writers. One of those may
    // take hours, and here somebody asked for a figure, not for its being kept.
    Database state(state_file_, Database::Mode::read_write, Database::Kind::state);
    sqlite3_busy_timeout(state.handle(), 0);
    state.execute("PRAGMA synchronous = NORMAL");
    Statement(state, "INSERT OR REPLACE INTO counted VALUES (?, ?, ?)")
        .bind_text(1, what_)
        .bind_text(2, as_of_)
        .bind_text(3, counts)
        .run();
  } catch (const Error&) {
    // Another's home, a full disk, a writer at work: it is counted again.
  }
}

}  // namespace mixtape::catalog
