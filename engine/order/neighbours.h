// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <vector>

#include "engine/order/arcs.h"
#include "engine/order/nearby.h"

// The few arcs of each node that are worth trying: the least costly ones among all, once prices of
// leaving and entering are taken off, found without looking at most of the others.
//
// Prices change no comparison between tours, since a tour leaves and enters each node once; with
// those of an assignment an arc's reduced cost says how much a tour loses by using it.
//
// Threads: a const one may be asked by several.
// Cost:    of a question, what lies so near that distance alone does not exclude it: some hundred
//          nodes of ten thousand.

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

template <class Model>
class Surroundings {
 public:
  explicit Surroundings(const Arcs<Model>& arcs)
      : arcs_(arcs),
        prices_(arcs.nodes()),
        begins_(arcs.nodes(), [&](Node node) -> const Place& { return arcs.begin_of(node); }),
        ends_(arcs.nodes(), [&](Node node) -> const Place& { return arcs.end_of(node); }) {
    set_prices(prices_);
  }

  void set_prices(const Prices& prices) {
    prices_ = prices;
    highest_entering_ = highest(begins_, prices_.entering);
    highest_leaving_ = highest(ends_, prices_.leaving);
  }

  // cost - entering, of arcs from this node.
  void after(Node from, Least& least) const {
    least.clear();
    if (from == 0) {
      for (Node to = 1; to < arcs_.nodes(); ++to) {
        least.offer(to, arcs_(from, to) - price(prices_.entering, to));
      }
      return;
    }
    least.offer(0, -price(prices_.entering, 0));
    look(begins_, highest_entering_, arcs_.end_of(from).at, least, [&](Node to) {
      return to == from ? kNever : arcs_(from, to) - price(prices_.entering, to);
    });
  }
  // cost - leaving, of arcs to this node.
  void before(Node to, Least& least) const {
    least.clear();
    if (to == 0) {
      for (Node from = 1; from < arcs_.nodes(); ++from) {
        least.offer(from, -price(prices_.leaving, from));
      }
      return;
    }
    least.offer(0, arcs_(0, to) - price(prices_.leaving, 0));
    look(ends_, highest_leaving_, arcs_.begin_of(to).at, least, [&](Node from) {
      return to == from ? kNever : arcs_(from, to) - price(prices_.leaving, from);
    });
  }

 private:
  static constexpr Micros kNever = std::numeric_limits<Micros>::max();
  // Per row and index, the highest price from there on, up and down.
  struct Highest {
    std::array<std::vector<Micros>, 2> up, down;
  };

  static Micros price(const std::vector<Micros>& prices, Node node) {
    return prices[static_cast<std::size_t>(node)];
  }
  static Highest highest(const Nearby& nearby, const std::vector<Micros>& prices) {
    Highest result;
    for (std::size_t row = 0; row < nearby.rows.size(); ++row) {
      for (const Nearby::Entry& entry : nearby.rows[row]) {
        result.up[row].push_back(price(prices, entry.node));
      }
      std::vector<Micros>& up = result.up[row];
      std::vector<Micros>& down = result.down[row] = up;
      for (std::size_t index = 1; index < up.size(); ++index) {
        down[index] = std::max(down[index], down[index - 1]);
        up[up.size() - 1 - index] = std::max(up[up.size() - 1 - index], up[up.size() - index]);
      }
    }
    return result;
  }

  template <class Cost>
  void look(const Nearby& nearby, const Highest& highest, double at, Least& least,
            const Cost& cost) const {
    nearby.outward(at, [&](std::size_t row, std::ptrdiff_t index, const Nearby::Entry& entry,
                           double distance) {
      const auto& rest = entry.at >= at ? highest.up[row] : highest.down[row];
      if (least.bound() != kNever &&
          arcs_.least(distance) - rest[static_cast<std::size_t>(index)] >= least.bound()) {
        return false;
      }
      least.offer(entry.node, cost(entry.node));
      return true;
    });
  }

  const Arcs<Model>& arcs_;
  Prices prices_;
  Nearby begins_, ends_;
  Highest highest_entering_, highest_leaving_;
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

template <class Model>
[[nodiscard]] Neighbours neighbours_of(const Arcs<Model>& arcs,
                                       const Surroundings<Model>& surroundings,
                                       const Prices& prices, std::size_t most) {
  Neighbours neighbours(arcs.nodes());
  Least after(most), before(most);
  for (Node node = 0; node < arcs.nodes(); ++node) {
    const auto index = static_cast<std::size_t>(node);
    surroundings.after(node, after);
    surroundings.before(node, before);
    neighbours.add(after, prices.leaving[index], before, prices.entering[index]);
  }
  return neighbours;
}

}  // namespace mixtape::order
