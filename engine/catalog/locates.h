// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/sqlite.h"

// state.db: how long drives took to position their tapes, beside what was expected. Losing it costs
// what was learnt of a drive, never data.
//
// Threads: belongs to its connection.

namespace mixtape::catalog {

struct LocateTime {
  std::uint32_t way = 0;  // As order::Way.
  std::int64_t predicted_ms = 0, actual_ms = 0;
  bool operator==(const LocateTime&) const = default;
};

// A drive with tapes of one generation.
struct DriveOnTapes {
  std::string drive;
  std::uint32_t generation = 0;
  bool operator==(const DriveOnTapes&) const = default;
};

class Locates {
 public:
  // A connection with state.db attached.
  explicit Locates(Database& database) : database_(database) {}

  // Of each way the newest kKept are kept.
  static constexpr std::int64_t kKept = 300;
  void record(const DriveOnTapes& drive, const std::vector<LocateTime>& times);
  // The newest first.
  [[nodiscard]] std::vector<LocateTime> of(const DriveOnTapes& drive);
  [[nodiscard]] std::vector<DriveOnTapes> drives();

 private:
  Database& database_;
};

}  // namespace mixtape::catalog
