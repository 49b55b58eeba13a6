// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/recall_queue.h"

namespace mixtape::recall {

void RecallQueue::put(RequestId id, const Place& place) {
  remove(id);
  places_[id] = place;
  by_place_.emplace(place.medium_label, place.spot, id);
}

void RecallQueue::remove(RequestId id) {
  const auto found = places_.find(id);
  if (found != places_.end()) {
    by_place_.erase({found->second.medium_label, found->second.spot, id});
    places_.erase(found);
  }
}

std::optional<RequestId> RecallQueue::first_from(const Place& place) const {
  const auto found = by_place_.lower_bound({place.medium_label, place.spot, RequestId{0}});
  if (found == by_place_.end() || std::get<std::string>(*found) != place.medium_label) {
    return std::nullopt;
  }
  return std::get<RequestId>(*found);
}

std::optional<RequestId> RecallQueue::next(
    const std::optional<Place>& head,
    const std::function<bool(const std::string& medium_label)>& present) const {
  if (head) {
    if (const auto ahead = first_from(*head)) {
      return ahead;
    }
  }
  for (const auto& [id, place] : places_) {
    if ((head && head->medium_label == place.medium_label) || present(place.medium_label)) {
      return first_from({.medium_label = place.medium_label, .spot = {}});
    }
  }
  return std::nullopt;
}

}  // namespace mixtape::recall
