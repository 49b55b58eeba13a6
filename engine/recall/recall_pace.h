// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/recall/recall.h"

// How fast contents come in, and so when what waits will be here.
//
// Threads: any.

namespace mixtape::recall {

// A moving average over the last minutes, seeks included.
class RecallPace {
 public:
  void observe(std::uint64_t bytes, std::chrono::duration<double> took);
  // Nothing before enough was observed to tell.
  [[nodiscard]] std::optional<std::chrono::seconds> time_for(std::uint64_t bytes) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_; what is old counts less.
  double bytes_ = 0, seconds_ = 0;
};

[[nodiscard]] std::uint64_t bytes_left(const QueueEntry& entry);

// Sorts them as they will be served, what is away last, and says of each on a medium that is here
// when it will be done: by the plan of the loaded tape, behind that at the pace so far.
// Cost: as sorting them.
void estimate(std::vector<QueueEntry>& queue, const RecallPace& pace);

}  // namespace mixtape::recall
