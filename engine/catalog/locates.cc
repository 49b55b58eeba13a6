// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/locates.h"

#include <algorithm>
#include <limits>

namespace mixtape::catalog {

void Locates::record(const DriveOnTapes& drive, const std::vector<LocateTime>& times) {
  Transaction transaction(database_);
  for (const LocateTime& time : times) {
    Statement(database_,
              "INSERT INTO state.locate SELECT ?1, ?2, ?3, coalesce(max(number), 0) + 1, ?4, ?5 "
              "FROM state.locate WHERE drive = ?1 AND generation = ?2")
        .bind_text(1, drive.drive)
        .bind(2, std::int64_t{drive.generation})
        .bind(3, std::int64_t{time.way})
        .bind(4, time.predicted_ms)
        .bind(5, time.actual_ms)
        .run();
  }
  Statement(database_,
            "DELETE FROM state.locate AS old WHERE drive = ?1 AND generation = ?2 AND number <= "
            "(SELECT number FROM state.locate WHERE drive = ?1 AND generation = ?2 AND "
            "way = old.way ORDER BY number DESC LIMIT 1 OFFSET ?3)")
      .bind_text(1, drive.drive)
      .bind(2, std::int64_t{drive.generation})
      .bind(3, kKept)
      .run();
  transaction.commit();
}

std::vector<LocateTime> Locates::of(const DriveOnTapes& drive) {
  Statement query(database_,
                  "SELECT way, predicted, actual FROM state.locate WHERE drive = ? AND "
                  "generation = ? ORDER BY number DESC");
  query.bind_text(1, drive.drive).bind(2, std::int64_t{drive.generation});
  std::vector<LocateTime> times;
  while (query.step()) {
    times.push_back({.way = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
                         query.integer(0), 0, std::numeric_limits<std::uint32_t>::max())),
                     .predicted_ms = query.integer(1),
                     .actual_ms = query.integer(2)});
  }
  return times;
}

std::vector<DriveOnTapes> Locates::drives() {
  Statement query(database_,
                  "SELECT DISTINCT drive, generation FROM state.locate ORDER BY drive, generation");
  std::vector<DriveOnTapes> drives;
  while (query.step()) {
    drives.push_back({query.text(0), static_cast<std::uint32_t>(query.integer(1))});
  }
  return drives;
}

}  // namespace mixtape::catalog
