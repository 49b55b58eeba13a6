// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/recall_pace.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "engine/recall/recall_queue.h"

namespace mixtape::recall {

namespace {

// What is this old counts a third.
constexpr double kMemoryS = 600;
// Less than this tells how long a seek takes, not how fast a medium is.
constexpr double kLeastBytes = 1 * MiB;
// A hundred years: nobody waits for longer, and it fits every number.
constexpr double kMostSeconds = 3.2e9;

using Entries = std::vector<QueueEntry>::iterator;

// Those from `first` on in the order of RecallQueue, from where the ones before them leave the
// head.
void sort_by_sweeps(Entries begin, Entries first, Entries end) {
  RecallQueue order;
  std::map<RequestId, QueueEntry> waiting;
  const auto place_of = [](const QueueEntry& entry) {
    return Place{entry.medium_label, {.block = entry.block, .offset = 0}};
  };
  std::optional<Place> head;
  if (first != begin) {
    head = place_of(*(first - 1));
  }
  for (auto entry = first; entry != end; ++entry) {
    order.put(entry->id, place_of(*entry));
    waiting[entry->id] = std::move(*entry);
  }
  for (auto entry = first; entry != end; ++entry) {
    const RequestId next = order.next(head, [](const std::string&) { return true; }).value();
    order.remove(next);
    *entry = std::move(waiting.at(next));
    head = place_of(*entry);
  }
}

}  // namespace

void RecallPace::observe(std::uint64_t bytes, std::chrono::duration<double> took) {
  const std::lock_guard lock(mutex_);
  const double kept = std::exp(-took.count() / kMemoryS);
  bytes_ = bytes_ * kept + static_cast<double>(bytes);
  seconds_ = seconds_ * kept + took.count();
}

std::optional<std::chrono::seconds> RecallPace::time_for(std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  if (bytes_ < kLeastBytes) {
    return std::nullopt;
  }
  const double seconds = std::ceil(static_cast<double>(bytes) * seconds_ / bytes_);
  return std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, kMostSeconds)));
}

std::uint64_t bytes_left(const QueueEntry& entry) {
  return entry.content.size - std::min(entry.done_bytes, entry.content.size);
}

void estimate(std::vector<QueueEntry>& queue, const RecallPace& pace) {
  const auto rank = [](const QueueEntry& entry) {
    const std::size_t turn = entry.turn.value_or(std::numeric_limits<std::size_t>::max());
    return std::tuple(!entry.running, !entry.here, turn);
  };
  // Behind the plan of the loaded tape come the sweeps of the others, in their order.
  std::stable_sort(queue.begin(), queue.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  const auto unplanned = std::find_if(queue.begin(), queue.end(), [](const QueueEntry& entry) {
    return !entry.running && !entry.turn;
  });
  const auto away =
      std::find_if(unplanned, queue.end(), [](const QueueEntry& entry) { return !entry.here; });
  sort_by_sweeps(queue.begin(), unplanned, away);

  std::chrono::seconds planned(0);
  std::uint64_t bytes = 0;
  for (auto entry = queue.begin(); entry != away; ++entry) {
    if (entry->turn && entry->eta) {
      planned = std::max(planned, *entry->eta);
      continue;
    }
    bytes += bytes_left(*entry);
    const auto time = pace.time_for(bytes);
    entry->eta = time ? std::optional(planned + *time) : std::nullopt;
  }
}

}  // namespace mixtape::recall
