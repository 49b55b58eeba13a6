// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/recall/read_order.h"
#include "engine/recall/recall.h"
#include "engine/recall/tape_model.h"

// What is read from the loaded tape, in its planned order. Requests that come while it is carried
// out are put into the rest of it.
//
// Threads: the worker's.
// Cost:    next() plans when something was added: at most a second for the first plan of a load
//          and a tenth of one for those that follow, and a millisecond for every request that is in
//          it; plans that take long are not made again at once.

namespace mixtape::recall {

// A request and when it will be done, by the model.
struct Turn {
  RequestId id;
  std::chrono::steady_clock::time_point done;
};

class TapeSweep {
 public:
  using Clock = std::chrono::steady_clock;
  // How many wait for the bytes of a request; 0: it was only queued. Those who wait are served so
  // that all of them wait the least, what was queued so that the tape is soon through.
  using Waiting = std::function<std::size_t(RequestId)>;

  // `drive`: null where it recommends no order.
  TapeSweep(std::string medium_label, TapeModel tape, tapeio::AccessOrder* drive, Waiting waiting)
      : medium_label_(std::move(medium_label)),
        tape_(std::move(tape)),
        drive_(drive),
        waiting_(std::move(waiting)) {}

  // Adds a request, or what it is that it wants.
  void put(RequestId id, const TapeRead& read);
  void remove(RequestId id);
  [[nodiscard]] bool has(RequestId id) const { return reads_.contains(id); }
  [[nodiscard]] bool empty() const { return reads_.empty(); }

  // Whose turn it is; it stays until it is removed. `head`: the block under it, nullopt after a
  // load.
  [[nodiscard]] std::optional<RequestId> next(std::optional<std::uint64_t> head);
  // What was planned, if that was since the last call.
  [[nodiscard]] std::optional<std::vector<Turn>> take_plan();

 private:
  void plan(std::optional<std::uint64_t> head);
  [[nodiscard]] bool plans_now() const;
  void drop_what_is_gone();

  std::string medium_label_;
  TapeModel tape_;
  tapeio::AccessOrder* drive_;
  Waiting waiting_;
  std::map<RequestId, TapeRead> reads_;
  std::set<RequestId> late_;     // Those not in order_ yet.
  std::deque<RequestId> order_;  // With some that are gone.
  std::vector<Turn> turns_;      // Of the last plan,
  bool is_new_ = false;          // not taken yet.
  std::size_t plans_ = 0;
  Clock::time_point planned_at_{};
  Clock::duration took_{};
};

}  // namespace mixtape::recall
