// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/recall_pace.h"

#include <algorithm>
#include <cmath>

#include "engine/recall/recall_queue.h"

namespace mixtape::recall {

namespace {

// What is this old counts a third.
constexpr double kMemoryS = 600;
// Less than this tells how long a seek takes, not how fast a medium is.
constexpr double kLeastBytes = 1 * MiB;
// A hundred years: nobody waits for longer, and it fits every number.
constexpr double kMostSeconds = 3.2e9;

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
  if (!pace.time_for(0)) {
    return;
  }
  RecallQueue order;
  std::optional<Place> head;
  std::map<RequestId, QueueEntry*> waiting;
  for (QueueEntry& entry : queue) {
    if (!entry.here) {
      continue;
    }
    const Place place{entry.medium_label, {.block = entry.block, .offset = 0}};
    order.put(entry.id, place);
    waiting[entry.id] = &entry;
    if (entry.running) {
      head = place;
    }
  }
  std::uint64_t bytes = 0;
  while (const auto id = order.next(head, [](const std::string&) { return true; })) {
    QueueEntry& entry = *waiting.at(*id);
    head = Place{entry.medium_label, {.block = entry.block, .offset = 0}};
    order.remove(*id);
    bytes += bytes_left(entry);
    entry.eta = pace.time_for(bytes);
  }
}

}  // namespace mixtape::recall
