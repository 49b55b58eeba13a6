// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "engine/order/arcs.h"

// A closed tour in which two neighbouring segments can be swapped: the one change that keeps the
// direction of every arc but three.
//
// Threads: none.
// Cost:    successor, predecessor, between: O(1). A swap moves the two shorter of the three pieces
//          into which it cuts the tour.

namespace mixtape::order {

class Ring {
 public:
  // Three arcs p -> p+, q -> q+, r -> r+ become p -> q+, r -> p+, q -> r+. Given as the place of
  // p+ in the ring and the lengths of p+..q and q+..r.
  struct Swap {
    std::int32_t begin, first, second;
  };

  explicit Ring(const Tour& tour)
      : size_(static_cast<std::int32_t>(tour.size())), nodes_(tour), places_(tour.size()) {
    for (std::int32_t place = 0; place < size_; ++place) {
      places_[index(nodes_[index(place)])] = place;
    }
  }

  [[nodiscard]] std::int32_t size() const { return size_; }
  [[nodiscard]] std::int32_t place_of(Node node) const { return places_[index(node)]; }
  [[nodiscard]] Node at(std::int32_t place) const { return nodes_[index(wrapped(place))]; }
  [[nodiscard]] Node after(Node node) const {
    const std::int32_t place = places_[index(node)] + 1;
    return nodes_[index(place == size_ ? 0 : place)];
  }
  [[nodiscard]] Node before(Node node) const {
    const std::int32_t place = places_[index(node)];
    return nodes_[index(place == 0 ? size_ - 1 : place - 1)];
  }
  // Nodes from one forward to the other.
  [[nodiscard]] std::int32_t steps(Node from, Node to) const {
    const std::int32_t steps = places_[index(to)] - places_[index(from)];
    return steps < 0 ? steps + size_ : steps;
  }

  // p, q, r: in this order around the ring, all different. Returns what was moved, for undo().
  Swap swap(Node p, Node q, Node r) {
    const std::int32_t first = steps(p, q), second = steps(q, r);
    const std::int32_t third = size_ - first - second;
    const std::int32_t most = std::max({first, second, third});
    Swap swap{};
    if (most == third) {
      swap = {places_[index(after(p))], first, second};
    } else if (most == first) {
      swap = {places_[index(after(q))], second, third};
    } else {
      swap = {places_[index(after(r))], third, first};
    }
    apply(swap);
    return swap;
  }
  void undo(const Swap& swap) { apply({swap.begin, swap.second, swap.first}); }

  // Beginning with node 0.
  [[nodiscard]] Tour tour() const {
    Tour tour;
    tour.reserve(nodes_.size());
    for (std::int32_t step = 0; step < size_; ++step) {
      tour.push_back(at(places_[0] + step));
    }
    return tour;
  }

 private:
  static std::size_t index(std::int32_t number) { return static_cast<std::size_t>(number); }
  [[nodiscard]] std::int32_t wrapped(std::int32_t place) const {
    return place >= size_ ? place - size_ : place;
  }
  void put(std::int32_t place, Node node) {
    nodes_[index(place)] = node;
    places_[index(node)] = place;
  }

  void apply(const Swap& swap) {
    const std::int32_t all = swap.first + swap.second;
    if (swap.first <= swap.second) {
      hold(swap.begin, swap.first);
      for (std::int32_t step = 0; step < swap.second; ++step) {
        put(wrapped(swap.begin + step), at(swap.begin + swap.first + step));
      }
      for (std::int32_t step = 0; step < swap.first; ++step) {
        put(wrapped(swap.begin + swap.second + step), held_[index(step)]);
      }
      return;
    }
    hold(wrapped(swap.begin + swap.first), swap.second);
    for (std::int32_t step = all - 1; step >= swap.second; --step) {
      put(wrapped(swap.begin + step), at(swap.begin + step - swap.second));
    }
    for (std::int32_t step = 0; step < swap.second; ++step) {
      put(wrapped(swap.begin + step), held_[index(step)]);
    }
  }
  void hold(std::int32_t begin, std::int32_t count) {
    held_.clear();
    for (std::int32_t step = 0; step < count; ++step) {
      held_.push_back(at(begin + step));
    }
  }

  std::int32_t size_;
  std::vector<Node> nodes_;
  std::vector<std::int32_t> places_;
  std::vector<Node> held_;  // While segments are moved.
};

}  // namespace mixtape::order
