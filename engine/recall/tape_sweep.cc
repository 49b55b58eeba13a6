// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/tape_sweep.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace mixtape::recall {
namespace {

using namespace std::chrono_literals;

// Nobody notices less beside a locate, and little is gained by more.
constexpr double kSecondsPerRead = 0.001;
constexpr double kMostSeconds = 1;
constexpr double kMostSecondsAgain = 0.1;
// What is planned as quickly is planned whenever something comes; else planning has a twentieth of
// the time.
constexpr auto kAtOnce = 10ms;
constexpr int kShare = 20;

}  // namespace

void TapeSweep::put(RequestId id, const TapeRead& read) {
  reads_[id] = read;
  late_.insert(id);
}

void TapeSweep::remove(RequestId id) {
  reads_.erase(id);
  late_.erase(id);
}

void TapeSweep::drop_what_is_gone() {
  while (!order_.empty() && (!reads_.contains(order_.front()) || late_.contains(order_.front()))) {
    order_.pop_front();
  }
}

bool TapeSweep::plans_now() const {
  return !late_.empty() &&
         (order_.empty() || took_ <= kAtOnce || Clock::now() >= planned_at_ + kShare * took_);
}

std::optional<RequestId> TapeSweep::next(std::optional<std::uint64_t> head) {
  drop_what_is_gone();
  if (plans_now()) {
    plan(head);
  }
  return order_.empty() ? std::nullopt : std::optional(order_.front());
}

void TapeSweep::plan(std::optional<std::uint64_t> head) {
  std::vector<RequestId> ids;
  std::vector<TapeRead> reads;
  std::map<RequestId, std::size_t> index_of;
  bool anybody_waits = false;
  for (const auto& [id, read] : reads_) {
    const std::size_t waiting = waiting_(id);
    anybody_waits = anybody_waits || waiting > 0;
    index_of[id] = ids.size();
    ids.push_back(id);
    reads.push_back(read);
    reads.back().weight = static_cast<double>(std::max<std::size_t>(1, waiting));
  }
  std::vector<std::size_t> known;
  for (const RequestId id : order_) {
    if (reads_.contains(id) && !late_.contains(id)) {
      known.push_back(index_of.at(id));
    }
  }
  const bool is_first = plans_++ == 0;
  const ReadWish wish{
      .objective = anybody_waits ? order::Objective::response : order::Objective::makespan,
      .effort = {.seconds = std::min(kSecondsPerRead * static_cast<double>(ids.size()),
                                     is_first ? kMostSeconds : kMostSecondsAgain)},
      .drive = known.empty() ? drive_ : nullptr,
      .known = known};
  const order::Head from =
      head ? order::Head{.place = tape_.at(*head), .moving = true} : tape_.at_rest();
  const ReadOrder planned = order_reads(tape_, from, reads, wish);
  planned_at_ = Clock::now();
  took_ =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(planned.took_s));
  order_.clear();
  turns_.clear();
  for (std::size_t turn = 0; turn < planned.order.size(); ++turn) {
    const RequestId id = ids[planned.order[turn]];
    order_.push_back(id);
    turns_.push_back({id, planned_at_ + std::chrono::duration_cast<Clock::duration>(
                                            std::chrono::duration<double>(planned.done_s[turn]))});
  }
  late_.clear();
  is_new_ = true;
  spdlog::log(is_first && ids.size() > 1 ? spdlog::level::info : spdlog::level::debug,
              "recall: medium {} ({}): {}", medium_label_, tape_.name(),
              to_string(planned, wish.objective));
}

std::optional<std::vector<Turn>> TapeSweep::take_plan() {
  return std::exchange(is_new_, false) ? std::optional(turns_) : std::nullopt;
}

}  // namespace mixtape::recall
