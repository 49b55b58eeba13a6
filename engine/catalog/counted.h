// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/sqlite.h"

// What was counted over the whole catalog, kept in state.db for as long as the catalog is as it was
// then: so that status need not count ten million versions whenever it is asked. Private to this
// room.
//
// That it is as it was is told by size and time of its file and of the log beside it. A count is
// not kept when they changed meanwhile, or so shortly before that a second change could have the
// same time; and none is kept or used inside a transaction or beside a statement that still reads,
// which may see another state than the files have.
//
// Threads: belongs to its connection.
// Errors:  none; what cannot be kept is counted again.
// Cost:    some stats and one row. Never waits for a writer: beside one nothing is kept.

namespace mixtape::catalog {

class Counted {
 public:
  // `what`: names the count. `given`: all that it depends on besides the catalog.
  Counted(Database& database, std::string what, std::string given = "");

  // The values that were kept, if they are still right.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> known();
  // What was counted since this object was made.
  void keep(const std::vector<std::int64_t>& values);

 private:
  [[nodiscard]] std::string state_of_catalog() const;

  Database& database_;
  const std::string what_, given_;
  std::string catalog_file_, state_file_;  // Empty: nothing is kept.
  std::string as_of_;                      // Empty: it changed just now.
};

}  // namespace mixtape::catalog
