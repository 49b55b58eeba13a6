// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "engine/order/arcs.h"

// The few arcs of each node that are worth trying, and prices by which they are chosen.
//
// Prices change no comparison between tours, since a tour leaves and enters each node once; with
// those of an assignment an arc's reduced cost says how much a tour loses by using it.
//
// Units:   microseconds.
// Threads: a const one may be asked by several.

namespace mixtape::order {

struct Neighbour {
  Node node;
  Micros cost;  // Reduced.
};

// The least of what was offered, rising.
class Least {
 public:
  explicit Least(std::size_t most) : most_(most) {}

  void clear() { items_.clear(); }
  void offer(Node node, Micros cost) {
    if (cost >= bound()) {
      return;
    }
    if (items_.size() == most_) {
      items_.pop_back();
    }
    const auto place = std::upper_bound(
        items_.begin(), items_.end(), cost,
        [](Micros wanted, const Neighbour& neighbour) { return wanted < neighbour.cost; });
    items_.insert(place, {node, cost});
  }
  // What costs so much is not among them.
  [[nodiscard]] Micros bound() const {
    return items_.size() < most_ ? std::numeric_limits<Micros>::max() : items_.back().cost;
  }
  [[nodiscard]] std::span<const Neighbour> items() const { return items_; }

 private:
  std::size_t most_;
  std::vector<Neighbour> items_;
};

struct Prices {
  std::vector<Micros> leaving, entering;  // Of each node.

  explicit Prices(Node nodes)
      : leaving(static_cast<std::size_t>(nodes), 0), entering(static_cast<std::size_t>(nodes), 0) {}
};

// The arcs that a search tries, of each node from it and to it.
class Neighbours {
 public:
  explicit Neighbours(Node nodes) : first_after_{0}, first_before_{0} {
    first_after_.reserve(static_cast<std::size_t>(nodes) + 1);
    first_before_.reserve(static_cast<std::size_t>(nodes) + 1);
  }
  // In the order of nodes; costs are reduced by `off`, the price that the list does not have yet.
  void add(const Least& after, Micros off_after, const Least& before, Micros off_before) {
    append(after_, first_after_, after, off_after);
    append(before_, first_before_, before, off_before);
  }
  [[nodiscard]] std::span<const Neighbour> after(Node node) const {
    return list(after_, first_after_, node);
  }
  [[nodiscard]] std::span<const Neighbour> before(Node node) const {
    return list(before_, first_before_, node);
  }

 private:
  static void append(std::vector<Neighbour>& to, std::vector<std::size_t>& firsts,
                     const Least& least, Micros off) {
    for (const Neighbour& neighbour : least.items()) {
      to.push_back({neighbour.node, neighbour.cost - off});
    }
    firsts.push_back(to.size());
  }
  static std::span<const Neighbour> list(const std::vector<Neighbour>& from,
                                         const std::vector<std::size_t>& firsts, Node node) {
    const auto index = static_cast<std::size_t>(node);
    return {from.data() + firsts[index], firsts[index + 1] - firsts[index]};
  }

  std::vector<Neighbour> after_, before_;
  std::vector<std::size_t> first_after_, first_before_;
};

}  // namespace mixtape::order
