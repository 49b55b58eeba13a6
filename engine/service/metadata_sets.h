// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/catalog/types.h"

// Metadata of very many files in little memory: but for the time of change most of them carry the
// same, so that each set is kept once and known by its number.
//
// Threads: none.
// Memory:  kMostSets sets of no more than kMostSetBytes, twice, whatever the catalog says.

namespace mixtape::service {

class MetadataSets {
 public:
  // What is too special to be kept: it stays in the catalog.
  static constexpr std::uint32_t kNotKept = UINT32_MAX;
  // Of names and attributes: most sets have a tenth of it.
  static constexpr std::size_t kMostSetBytes = 1024;

  [[nodiscard]] std::uint32_t keep(const catalog::Metadata& metadata);
  // What keep() was given, with this time of change. Not of kNotKept.
  [[nodiscard]] catalog::Metadata get(std::uint32_t set, std::int64_t mtime_ns) const;

 private:
  std::vector<catalog::Metadata> sets_;  // Their times of change are anybody's.
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::uint32_t last_ = kNotKept;
};

}  // namespace mixtape::service
