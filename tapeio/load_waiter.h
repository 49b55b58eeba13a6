// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "tapeio/library.h"

// A load that waits for its drive: it tells who watches it, and ends when he wants it to.
//
// Threads:  none; it belongs to the thread that loads.
// Lifetime: the watch must outlive it.

namespace mixtape::tapeio {

class LoadWaiter {
 public:
  using Clock = std::chrono::steady_clock;

  LoadWaiter(std::string label, const LoadWatch& watch);

  // From now on.
  void give_up_after(std::chrono::milliseconds within) { give_up_ = Clock::now() + within; }
  [[nodiscard]] bool has_given_up() const { return Clock::now() >= give_up_; }

  // Error{cancelled} when a stop was asked for.
  void tell(const std::string& why, const std::optional<double>& progress) const;
  void pause(std::chrono::milliseconds pause) const;

 private:
  const std::string what_;
  const LoadWatch& watch_;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point give_up_ = begun_;
};

// Puts a waiter where its drive finds it, for as long as this lives.
class WaitsHere {
 public:
  WaitsHere(LoadWaiter*& place, LoadWaiter& waiter) : place_(place) { place_ = &waiter; }
  ~WaitsHere() { place_ = nullptr; }
  WaitsHere(const WaitsHere&) = delete;
  WaitsHere& operator=(const WaitsHere&) = delete;

 private:
  LoadWaiter*& place_;
};

// What a drive that is not ready has to do (WhileNotReady): the load that waits for it is told and
// goes on until it gives up; anybody else, whose `waiter` is null, is not kept: Error{no_medium}.
void while_not_ready(const LoadWaiter* waiter, const std::string& why,
                     const std::optional<double>& progress);

}  // namespace mixtape::tapeio
