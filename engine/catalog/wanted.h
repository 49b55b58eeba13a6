// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"

// state.db: the contents that somebody asked to have in the cache and that are not there yet, in
// the order in which they were asked for. Losing it costs a request, never data.
//
// Threads: belongs to its connection.

namespace mixtape::catalog {

struct WantedContent {
  ContentId content{};  // Of the catalog as it was then.
  std::uint64_t size = 0;
  std::optional<Hash> hash;
  std::string path;  // Of a version that has it, for people.
  bool operator==(const WantedContent&) const = default;
};

class Wanted {
 public:
  // So many are kept.
  static constexpr std::int64_t kMost = 500'000;

  // A connection with state.db attached.
  explicit Wanted(Database& database) : database_(database) {}

  // All or none, behind all others; returns the number of the first, the others follow it.
  // Error{conflict} when there are too many.
  std::int64_t add(std::span<const WantedContent> contents);
  struct Row {
    std::int64_t number = 0;
    std::optional<WantedContent> wanted;  // Absent: the row is damaged.
  };
  // The first rows behind this number.
  [[nodiscard]] std::vector<Row> after(std::int64_t number, std::int64_t limit);
  void remove(std::span<const std::int64_t> numbers);
  // Removes the rows from `first` to `last`, both included.
  void remove_range(std::int64_t first, std::int64_t last);
  [[nodiscard]] std::int64_t count();
  [[nodiscard]] std::int64_t last_number();  // 0: there is none.

 private:
  Database& database_;
};

}  // namespace mixtape::catalog
