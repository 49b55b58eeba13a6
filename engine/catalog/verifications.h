// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog/sqlite.h"
#include "engine/catalog/types.h"

// state.db: which media were read again, when and with which drive, so that one can tell a tape
// from a drive. What was found of each copy is in the catalog. Losing it costs history.
//
// Threads: belongs to its connection.

namespace mixtape::catalog {

enum class VerifyScope : int { medium = 0, sample = 1, path = 2 };

struct Verification {
  Uuid medium{};
  std::int64_t taken_s = 0;
  std::string drive;  // Vendor, product and serial; empty for disks.
  VerifyScope scope{};
  bool complete = false;  // False: it was stopped, or the drive failed.
  std::uint64_t copies = 0, damaged = 0;
  std::uint64_t bytes = 0;
  bool operator==(const Verification&) const = default;
};

class Verifications {
 public:
  // A connection with state.db attached.
  explicit Verifications(Database& database) : database_(database) {}

  // Of each medium the newest kKept are kept. A second one of the same second takes the place of
  // the first.
  static constexpr std::int64_t kKept = 100;
  void record(const Verification& verification);
  // Of a medium, the newest first.
  [[nodiscard]] std::vector<Verification> of(const Uuid& medium);

 private:
  Database& database_;
};

// The paths that have a version with one of these contents, each pair once.
// Cost: one pass over the versions.
[[nodiscard]] std::vector<std::pair<ContentId, PathId>> paths_with(
    Database& database, const std::set<ContentId>& contents);

}  // namespace mixtape::catalog
