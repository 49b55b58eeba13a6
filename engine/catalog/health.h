// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"
#include "tapeio/drive_report.h"

// state.db: how drives and media were when jobs were done with them, so that what a drive said of a
// medium is known while that is on the shelf. Losing it costs history, never data.
//
// Threads: belongs to its connection.

namespace mixtape::catalog {

struct HealthSample {
  Uuid medium{};
  std::int64_t taken_s = 0;
  tapeio::DriveReport report = {};  // Without notes.
};

// A tape in a drive, over all that is kept of the two.
struct PairErrors {
  Uuid medium{};
  std::string serial;  // Of the drive,
  std::string drive;   // and its name for people.
  // Reads and writes that failed in the drive's own count, at its worst: it counts on for as long
  // as the tape is in it.
  std::uint64_t errors = 0;
};

class Health {
 public:
  // A connection with state.db attached.
  explicit Health(Database& database) : database_(database) {}

  // Of one medium in one drive the newest hundred are kept. A second one of the same second takes
  // the place of the first.
  void record(const HealthSample& sample);
  // The newest of each medium in each drive, newest first.
  [[nodiscard]] std::vector<HealthSample> newest();
  // By medium and drive.
  [[nodiscard]] std::vector<PairErrors> pairs();

 private:
  Database& database_;
};

}  // namespace mixtape::catalog
