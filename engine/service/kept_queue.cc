// SPDX-License-Identifier: Apache-2.0
#include "engine/service/kept_queue.h"

#include <algorithm>

namespace mixtape::service {

KeptQueue::KeptQueue(const std::filesystem::path& state_db)
    : database_(catalog::open_state(state_db)), rows_(database_) {
  // Who cancelled was told so: that must be true after a power failure, too.
  database_.execute("PRAGMA state.synchronous = FULL");
}

std::vector<catalog::Wanted::Row> KeptQueue::first(std::size_t most) {
  auto rows = rows_.after(0, static_cast<std::int64_t>(most));
  std::erase_if(rows, [](const catalog::Wanted::Row& row) { return !row.wanted; });
  return rows;
}

std::size_t KeptQueue::count() {
  return static_cast<std::size_t>(rows_.count());
}

bool KeptQueue::cancel(std::int64_t number) {
  const auto found = rows_.after(number - 1, 1);
  if (found.empty() || found.front().number != number) {
    return false;
  }
  rows_.remove_range(number, number);
  return true;
}

std::size_t KeptQueue::cancel_all() {
  const std::size_t count = this->count();
  rows_.remove_range(0, rows_.last_number());
  return count;
}

}  // namespace mixtape::service
