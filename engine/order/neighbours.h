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
    entering_ = by_place(begins_, prices_.entering);
    leaving_ = by_place(ends_, prices_.leaving);
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
    const Place& end = arcs_.end_of(from);
    look(begins_, entering_, end, end.wrap % 2 == 0, least,
         [&](Node to) { return to == from ? kNever : arcs_(from, to); });
  }
  // Calls visit(to) for nodes ever further away in each direction, each about half as far again as
  // the one before: few, and yet some for any way that an order may go.
  template <class Visit>
  void afar(Node from, const Visit& visit) const {
    const double at = arcs_.end_of(from).at;
    for (std::size_t row = 0; row < begins_.rows.size(); ++row) {
      const std::vector<Nearby::Entry>& entries = begins_.rows[row];
      const auto middle = static_cast<std::size_t>(begins_.index_of(row, at));
      for (std::size_t step = 0; middle + step < entries.size(); step += 1 + step / 2) {
        visit(entries[middle + step].node);
      }
      for (std::size_t step = 1; step <= middle; step += 1 + step / 2) {
        visit(entries[middle - step].node);
      }
    }
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
    const Place& begin = arcs_.begin_of(to);
    look(ends_, leaving_, begin, begin.wrap % 2 != 0, least,
         [&](Node from) { return to == from ? kNever : arcs_(from, to); });
  }

 private:
  static constexpr Micros kNever = std::numeric_limits<Micros>::max();
  static constexpr std::size_t kBlock = 32;
  // The prices of a row of Nearby; of each kBlock of them the highest, and the highest of that block
  // and all further up or down.
  struct Priced {
    std::vector<Micros> prices, block, up, down;
  };
  using PricedRows = std::array<Priced, 2>;

  static Micros price(const std::vector<Micros>& prices, Node node) {
    return prices[static_cast<std::size_t>(node)];
  }
  static PricedRows by_place(const Nearby& nearby, const std::vector<Micros>& prices) {
    PricedRows rows;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      Priced& priced = rows[row];
      for (const Nearby::Entry& entry : nearby.rows[row]) {
        const Micros own = price(prices, entry.node);
        if (priced.prices.size() % kBlock == 0) {
          priced.block.push_back(own);
        }
        priced.block.back() = std::max(priced.block.back(), own);
        priced.prices.push_back(own);
      }
      priced.up = priced.down = priced.block;
      for (std::size_t block = 1; block < priced.block.size(); ++block) {
        const std::size_t mirrored = priced.block.size() - 1 - block;
        priced.down[block] = std::max(priced.down[block], priced.down[block - 1]);
        priced.up[mirrored] = std::max(priced.up[mirrored], priced.up[mirrored + 1]);
      }
    }
    return rows;
  }

  // `up_is_ahead`: whether of two nodes on wraps of one direction that which lies further up is
  // reached by going on.
  template <class Cost>
  void look(const Nearby& nearby, const PricedRows& priced, const Place& place, bool up_is_ahead,
            Least& least, const Cost& cost) const {
    for (std::size_t row = 0; row < priced.size(); ++row) {
      const bool across = row != place.wrap % 2;
      const auto middle = static_cast<std::size_t>(nearby.index_of(row, place.at));
      const Look of_row{nearby.rows[row], priced[row], place.at, least};
      of_row.up(middle, arcs_.least(across ? Way::across : up_is_ahead ? Way::ahead : Way::behind),
                arcs_.least(across ? Way::across : Way::ahead), cost);
      of_row.down(middle, arcs_.least(across ? Way::across : up_is_ahead ? Way::behind : Way::ahead),
                  cost);
    }
  }

  // One row, block by block outward. A block is left out when not even its highest price could
  // make its nearest node cheap enough, and the rest when no block's could.
  struct Look {
    const std::vector<Nearby::Entry>& entries;
    const Priced& priced;
    double at;
    Least& least;

    [[nodiscard]] bool excluded(double time, Micros highest) const {
      return least.bound() != kNever && time - static_cast<double>(highest) >=
                                            static_cast<double>(least.bound());
    }
    template <class Cost>
    void offer(std::size_t index, const LeastTime& time, double distance, const Cost& cost) const {
      if (!excluded(time.base + time.per_unit * distance, priced.prices[index])) {
        const Micros full = cost(entries[index].node);
        if (full != kNever) {
          least.offer(entries[index].node, full - priced.prices[index]);
        }
      }
    }
    template <class Cost>
    void up(std::size_t index, const LeastTime& time, const LeastTime& in_place,
            const Cost& cost) const {
      for (; index < entries.size() && entries[index].at == at; ++index) {
        offer(index, in_place, 0, cost);
      }
      while (index < entries.size()) {
        const std::size_t block = index / kBlock;
        const double nearest = time.base + time.per_unit * (entries[index].at - at);
        if (excluded(nearest, priced.up[block])) {
          return;
        }
        const std::size_t end = std::min(entries.size(), (block + 1) * kBlock);
        for (; index < end && !excluded(nearest, priced.block[block]); ++index) {
          offer(index, time, entries[index].at - at, cost);
        }
        index = end;
      }
    }
    template <class Cost>
    void down(std::size_t index, const LeastTime& time, const Cost& cost) const {
      while (index > 0) {
        const std::size_t block = (index - 1) / kBlock;
        const double nearest = time.base + time.per_unit * (at - entries[index - 1].at);
        if (excluded(nearest, priced.down[block])) {
          return;
        }
        for (; index > block * kBlock && !excluded(nearest, priced.block[block]); --index) {
          offer(index - 1, time, at - entries[index - 1].at, cost);
        }
        index = block * kBlock;
      }
    }
  };

  const Arcs<Model>& arcs_;
  Prices prices_;
  Nearby begins_, ends_;
  PricedRows entering_, leaving_;
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
