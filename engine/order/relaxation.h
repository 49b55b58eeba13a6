// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/order/arcs.h"
#include "engine/order/assignment.h"
#include "engine/order/deadline.h"
#include "engine/order/surroundings.h"

// The assignment on all arcs of a batch, solved on few: those nearest to each node, then those too
// that its prices show to be missing, until none is.
//
// Threads: none.

namespace mixtape::order {

struct Relaxed {
  Prices prices;                 // None when time was up before the first solution.
  std::vector<Node> successors;  // Likewise.
  bool priced = false;           // No arc at all has a reduced cost below zero.
  Micros bound;                  // No tour costs less; whether time was up or not.
};

template <class Model>
class Relaxation {
 public:
  Relaxation(const Arcs<Model>& arcs, Surroundings<Model>& surroundings)
      : arcs_(arcs), surroundings_(surroundings), assignment_(arcs.nodes()) {}

  // `tour`: any.
  [[nodiscard]] Relaxed solve(const Tour& tour, const Deadline& deadline) {
    Relaxed result{Prices(arcs_.nodes()), {}, false, nothing_known()};
    if (!offer_first(tour, deadline)) {
      return result;
    }
    for (int round = 0; round < kMostRounds; ++round) {
      if (!assignment_.solve([&] { return deadline.passed(); })) {
        break;
      }
      result.successors = assignment_.successors();
      result.prices.entering = assignment_.entering();
      result.prices.leaving = assignment_.leaving();
      result.priced = false;
      surroundings_.set_prices(result.prices);
      if (price(result, deadline) || deadline.passed()) {
        break;
      }
    }
    return result;
  }

 private:
  static constexpr std::size_t kFirstAfter = 16, kFirstBefore = 8, kMore = 16;
  static constexpr int kMostRounds = 40;

  void offer(Node from, Node to) { assignment_.arcs_of(from).push_back({to, arcs_(from, to)}); }

  // No arc costs less than one over no distance.
  [[nodiscard]] Micros nothing_known() const {
    const double least = std::min(arcs_.least(Way::ahead).base + 1, 0.0);  // Less the rounding.
    return static_cast<Micros>((arcs_.nodes() - 1) * least);
  }

  // False when time was up.
  bool offer_first(const Tour& tour, const Deadline& deadline) {
    Least after(kFirstAfter), before(kFirstBefore);
    for (Node node = 0; node < arcs_.nodes(); ++node) {
      if (node % 64 == 0 && deadline.passed()) {
        return false;
      }
      surroundings_.after(node, after);
      for (const Neighbour& neighbour : after.items()) {
        offer(node, neighbour.node);
      }
      surroundings_.afar(node, [&](Node to) {
        if (to != node) {
          offer(node, to);
        }
      });
      surroundings_.before(node, before);
      for (const Neighbour& neighbour : before.items()) {
        offer(neighbour.node, node);
      }
      if (node != 0) {
        offer(0, node);
        offer(node, 0);
      }
    }
    for (std::size_t index = 0; index < tour.size(); ++index) {
      offer(tour[index], tour[(index + 1) % tour.size()]);
    }
    return true;
  }

  // The bound at these prices: each node left by its cheapest arc. True when no arc is missing.
  bool price(Relaxed& result, const Deadline& deadline) {
    bool complete = true;
    Least after(kMore);
    Micros bound = 0;
    std::vector<Micros> leaving;
    for (Node node = 0; node < arcs_.nodes(); ++node) {
      if (node % 64 == 0 && deadline.passed()) {
        return false;
      }
      const auto index = static_cast<std::size_t>(node);
      surroundings_.after(node, after);
      leaving.push_back(after.items().front().cost);
      bound += leaving.back() + result.prices.entering[index];
      for (const Neighbour& neighbour : after.items()) {
        if (neighbour.cost < assignment_.leaving()[index]) {
          complete = false;
          offer(node, neighbour.node);
        }
      }
    }
    result.bound = std::max(result.bound, bound);
    result.prices.leaving = std::move(leaving);
    result.priced = true;
    return complete;
  }

  const Arcs<Model>& arcs_;
  Surroundings<Model>& surroundings_;
  Assignment assignment_;
};

}  // namespace mixtape::order
