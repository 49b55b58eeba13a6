// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/types.h"

// A file that is on fewer media than it should be, or on media that lie too near to each other.

namespace mixtape::catalog {

struct CopyNeed {
  std::string path;
  Version version;
  std::uint32_t missing;     // So many more are to be written; 0: only places are wrong.
  std::vector<MediumId> on;  // Media that hold one and are not lost.
  std::vector<MediumId> damaged_on;
  std::vector<MediumId> retired, lost;  // Whose copy would count if they were neither.
  bool spoilt;                          // A written bundle has a copy that is bad.
  std::uint32_t unseen;  // So many further copies are on media that only have to be seen again.
  // Of the copies that are there and wanted so many count only when they lie in a place of their
  // own: a medium has to be carried elsewhere.
  std::uint32_t crowded = 0;
};

// Where media lie, for files whose copies have to lie apart. Of copies in one place one counts.
// What lies nobody knows where counts only as the one copy of a content that has no other.
struct CopyPlaces {
  std::function<std::string(const Medium&)> of;              // Empty: nobody knows.
  std::function<bool(const std::string& path)> must_differ;  // Unset: nowhere.
};

// What need not be looked at for needs.
struct CopyScope {
  static constexpr std::uint32_t kAnyNumber = std::numeric_limits<std::uint32_t>::max();
  // No path wants more copies than this. Where all contents have as many nothing is walked, and
  // else only the directories that lead to one that has not.
  std::uint32_t most_wanted = kAnyNumber;
  // Only what lies in the directories of these paths. Nothing: everywhere.
  std::optional<std::vector<PathId>> beside = {};
};

}  // namespace mixtape::catalog
