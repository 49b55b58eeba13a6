// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/catalog/wanted.h"

// What the next mount will bring back, while nothing is mounted: the list that RecallList left on
// the disk. Rows are named by their numbers there.
//
// Threads: none.
// Errors:  throws what the database throws.

namespace mixtape::service {

class KeptQueue {
 public:
  explicit KeptQueue(const std::filesystem::path& state_db);

  // The first of them, without rows that are damaged.
  [[nodiscard]] std::vector<catalog::Wanted::Row> first(std::size_t most);
  [[nodiscard]] std::size_t count();
  // Off the disk when it returns. False: there is none of that number.
  bool cancel(std::int64_t number);
  // Returns how many there were.
  std::size_t cancel_all();

 private:
  catalog::Database database_;
  catalog::Wanted rows_;
};

}  // namespace mixtape::service
