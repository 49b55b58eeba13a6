// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mixtape::recall {

// On whose behalf a content is asked for: users are to share the drives fairly. Whoever
// names nobody asks as one and the same.
struct Asker {
  std::uint32_t uid = 0;
  std::uint32_t thread = 0;  // Which reads; 0: not known.
};

}  // namespace mixtape::recall
