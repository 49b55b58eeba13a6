// SPDX-License-Identifier: Apache-2.0
#include "tapeio/drive_turns.h"

namespace mixtape::tapeio {

DriveTurns::Waiting::~Waiting() {
  if (turns_ != nullptr) {
    turns_->leave(number_);
  }
}

DriveTurns::Waiting DriveTurns::wait(Who who) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = next_++;
  waiting_[number] = {.who = who, .since = Clock::now()};
  return {this, number};
}

void DriveTurns::leave(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(number);
  left_.notify_all();
}

std::optional<DriveTurns::Clock::time_point> DriveTurns::since_locked(Who who) const {
  for (const auto& [number, entry] : waiting_) {
    if (entry.who == who) {
      return entry.since;
    }
  }
  return std::nullopt;
}

std::optional<DriveTurns::Clock::duration> DriveTurns::waited(Who who) {
  const std::lock_guard lock(mutex_);
  const auto since = since_locked(who);
  return since ? std::optional(Clock::now() - *since) : std::nullopt;
}

void DriveTurns::let_in(Who who, Clock::duration most) {
  std::unique_lock lock(mutex_);
  (void)left_.wait_for(lock, most, [&] { return !since_locked(who); });
}

}  // namespace mixtape::tapeio
