// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/library.h"

// The policies that the simulation compares. Ours is the code that the recall worker runs
// (medium_choice, medium_stay, fair_share, read_order); the others are written after what is
// published of them:
//
//   fifo      one request at a time, in the order in which they come
//   by block  as LTFS-DM: the tape of the oldest request, all that is wanted of it by start block;
//             what comes meanwhile makes another pass
//   cta       a tape is mounted when 500 GB or 10,000 files are wanted of it or a request is older
//             than a minimum age, the oldest first; batches of at most 80 GB or 4,000 files, in
//             each the nearest locate first, until nothing more is wanted of the tape
//   dcache    a tape is started when its oldest request is older than a maximum, or nothing new was
//             asked of it for two minutes and enough of it is wanted (60 % of the tape or 1,000
//             requests), the oldest first; by start block, what comes meanwhile with the next pass

namespace mixtape::bench {

struct NamedPolicy {
  std::string name;
  std::unique_ptr<Policy> policy;
};

// A new one of each, ours last.
[[nodiscard]] std::vector<NamedPolicy> all_policies();

[[nodiscard]] std::unique_ptr<Policy> make_ours();

}  // namespace mixtape::bench
