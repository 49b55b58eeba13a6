// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "engine/recall/extent_map.h"
#include "engine/recall/recall.h"

// Which request is served next, given what is loaded and where the head stands: of disks, and of
// tapes of which nothing is known. Pure policy.
//
// Requests on the loaded medium are served forward from the head: one sweep. A sweep that has
// nothing left ahead ends; then the medium of whoever has waited longest is next, from its front.
// So a stream of new requests ahead of the head keeps its medium, and nobody behind it waits for
// longer than one sweep.
//
// Threads: none; a value of the worker.
// Cost:    logarithmic in the requests.

namespace mixtape::recall {

struct Place {
  std::string medium_label;
  Spot spot;
  bool operator==(const Place&) const = default;
};

class RecallQueue {
 public:
  // Adds a request, or moves it to another place. Smaller ids have waited longer.
  void put(RequestId id, const Place& place);
  void remove(RequestId id);
  [[nodiscard]] bool empty() const { return places_.empty(); }

  // The next one on the medium of `head`, from what is at hand there on.
  [[nodiscard]] std::optional<RequestId> ahead(const Place& head) const { return first_from(head); }
  // The first one on a medium.
  [[nodiscard]] std::optional<RequestId> front(const std::string& medium_label) const {
    return first_from({.medium_label = medium_label, .spot = {}});
  }

  // What is served next where no medium costs anything to mount. `head`: what is loaded, and what
  // is at hand there. Media for which `present` is false are
  // passed over; nullopt when no request is left.
  [[nodiscard]] std::optional<RequestId> next(
      const std::optional<Place>& head,
      const std::function<bool(const std::string& medium_label)>& present) const;

 private:
  using Key = std::tuple<std::string, Spot, RequestId>;
  [[nodiscard]] std::optional<RequestId> first_from(const Place& place) const;

  std::set<Key> by_place_;
  std::map<RequestId, Place> places_;  // Also the order of arrival.
};

}  // namespace mixtape::recall
