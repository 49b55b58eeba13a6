// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/types.h"
#include "engine/recall/read_order.h"
#include "engine/recall/tape_model.h"
#include "engine/service/context.h"

// What lies where on a medium and how its head would move to read some of it, as the catalog and
// the model of its tape have it. Nothing is loaded.
//
// Threads: the caller's.
// Errors:  Error{not_found} for a medium or a path that the catalog does not know, and when none of
//          the paths has a copy on the medium.
// Cost:    one question for each bundle and each file asked for, and some seconds of planning.

namespace mixtape::service {

struct MapStretch {
  enum class What { index, archive };  // What stands in front of the first archive is an index too.
  What what = What::archive;
  std::uint64_t bundle = 0;                      // Its number on the medium.
  std::uint64_t begin_block = 0, end_block = 0;  // Behind its last one.
};

struct MapRead {
  std::string path;  // Of one of the files that have this content.
  std::uint64_t begin_block = 0, end_block = 0;
};

struct TapeMap {
  catalog::Medium medium;
  recall::TapeModel tape;             // Where a block lies; for what is not LTO, a line.
  std::uint64_t capacity_blocks = 0;  // 0: not known.
  std::vector<MapStretch> stretches;  // Ascending, without what lies behind the last archive.
  std::vector<MapRead> reads;         // In the order of reading.
  recall::ReadOrder plan;             // Of them, from the beginning of the tape.
};

// `paths`: of latest, files or trees; none: no reads.
[[nodiscard]] TapeMap map_medium(Context& context, std::string_view label,
                                 std::span<const std::string> paths);

}  // namespace mixtape::service
