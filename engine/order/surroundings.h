// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <vector>

#include "engine/order/arcs.h"
#include "engine/order/nearby.h"
#include "engine/order/neighbours.h"
#include "engine/order/priced_rows.h"

// The least costly arcs of a node among all, once prices of leaving and entering are taken off,
// found without looking at most of the others.
//
// Threads: a const one may be asked by several.
// Cost:    of a question, what lies so near that distance alone does not exclude it: some hundred
//          nodes of ten thousand.

namespace mixtape::order {

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
  static Micros price(const std::vector<Micros>& prices, Node node) {
    return prices[static_cast<std::size_t>(node)];
  }
  // `up_is_ahead`: whether of two nodes on wraps of one direction that which lies further up is
  // reached by going on.
  template <class Cost>
  void look(const Nearby& nearby, const PricedRows& priced, const Place& place, bool up_is_ahead,
            Least& least, const Cost& cost) const {
    for (std::size_t row = 0; row < priced.size(); ++row) {
      const bool across = row != place.wrap % 2;
      const auto middle = static_cast<std::size_t>(nearby.index_of(row, place.at));
      const PricedLook of_row{nearby.rows[row], priced[row], place.at, least};
      of_row.up(middle,
                arcs_.least(across        ? Way::across
                            : up_is_ahead ? Way::ahead
                                          : Way::behind),
                arcs_.least(across ? Way::across : Way::ahead), cost);
      of_row.down(middle,
                  arcs_.least(across        ? Way::across
                              : up_is_ahead ? Way::behind
                                            : Way::ahead),
                  cost);
    }
  }

  const Arcs<Model>& arcs_;
  Prices prices_;
  Nearby begins_, ends_;
  PricedRows entering_, leaving_;
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
