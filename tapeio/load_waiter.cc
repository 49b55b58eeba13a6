// SPDX-License-Identifier: Apache-2.0
#include "tapeio/load_waiter.h"

#include <utility>

#include "tapeio/error.h"

namespace mixtape::tapeio {

LoadWaiter::LoadWaiter(std::string label, const LoadWatch& watch)
    : what_("load medium " + std::move(label)), watch_(watch) {}

void LoadWaiter::tell(const std::string& why, const std::optional<double>& progress) const {
  const std::string what = what_ + ": " + why;
  if (watch_.stop.stop_requested()) {
    throw Error(ErrorCode::cancelled, what + ": stopped");
  }
  if (watch_.tell) {
    watch_.tell(
        {.what = what,
         .progress = progress,
         .waited = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun_)});
  }
}

void LoadWaiter::pause(std::chrono::milliseconds pause) const {
  pause_unless_stopped(pause, watch_.stop, what_);
}

void while_not_ready(const LoadWaiter* waiter, const std::string& why,
                     const std::optional<double>& progress) {
  if (waiter == nullptr || waiter->has_given_up()) {
    throw Error(ErrorCode::no_medium, why);
  }
  waiter->tell(why, progress);
}

}  // namespace mixtape::tapeio
