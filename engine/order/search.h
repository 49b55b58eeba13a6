// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "engine/order/arcs.h"
#include "engine/order/cycles.h"
#include "engine/order/deadline.h"
#include "engine/order/exact.h"
#include "engine/order/local_search.h"
#include "engine/order/neighbours.h"
#include "engine/order/plan.h"
#include "engine/order/relaxation.h"
#include "engine/order/starts.h"
#include "engine/order/surroundings.h"

// The shortest tour that can be found in the time: the assignment's cycles, joined, then improved.
//
// Threads: none.

namespace mixtape::order {

// Costs less the prices, as the neighbours' are: asked of the model each time.
template <class Model>
class ReducedCosts {
 public:
  ReducedCosts(const Arcs<Model>& arcs, const Prices& prices) : arcs_(arcs), prices_(prices) {}
  [[nodiscard]] Micros operator()(Node from, Node to) const {
    return arcs_(from, to) - prices_.leaving[static_cast<std::size_t>(from)] -
           prices_.entering[static_cast<std::size_t>(to)];
  }

 private:
  const Arcs<Model>& arcs_;
  const Prices& prices_;
};

// The same, looked up: quicker than the model as long as it stays in the processor's cache.
class TabledCosts {
 public:
  static constexpr Node kMostNodes = 513;  // 2 MiB.

  template <class Costs>
  TabledCosts(const Costs& costs, Node nodes)
      : nodes_(static_cast<std::size_t>(nodes)), table_(nodes_ * nodes_) {
    for (Node from = 0; from < nodes; ++from) {
      for (Node to = 0; to < nodes; ++to) {
        table_[static_cast<std::size_t>(from) * nodes_ + static_cast<std::size_t>(to)] =
            costs(from, to);
      }
    }
  }
  [[nodiscard]] Micros operator()(Node from, Node to) const {
    return table_[static_cast<std::size_t>(from) * nodes_ + static_cast<std::size_t>(to)];
  }

 private:
  std::size_t nodes_;
  std::vector<Micros> table_;
};

struct Found {
  Tour tour;
  double bound = 0;  // Of the objective.
  bool exact = false;
  std::uint64_t kicks = 0;
};

template <class Model>
class Search {
 public:
  Search(const Arcs<Model>& arcs, const Effort& effort, const Deadline& deadline)
      : arcs_(arcs), effort_(effort), deadline_(deadline) {}

  // `known`: tours that the result must not be worse than; one at least.
  [[nodiscard]] Found shortest(const std::vector<Tour>& known) {
    if (arcs_.nodes() <= kMostExact + 1) {
      return exact();
    }
    const Tour& best_known =
        *std::min_element(known.begin(), known.end(), [&](const Tour& left, const Tour& right) {
          return cost_of(arcs_, left) < cost_of(arcs_, right);
        });
    Surroundings<Model> surroundings(arcs_);
    const Deadline soon(kShareOfRelaxation * deadline_.left());
    const Relaxed relaxed = Relaxation<Model>(arcs_, surroundings).solve(best_known, soon);
    if (deadline_.passed()) {
      return {.tour = best_known, .bound = seconds(relaxed.bound)};
    }
    const Neighbours neighbours = neighbours_of(arcs_, surroundings, relaxed.prices, kNeighbours);
    const ReducedCosts<Model> reduced(arcs_, relaxed.prices);
    Found found;
    if (arcs_.nodes() <= TabledCosts::kMostNodes) {
      found = improve(TabledCosts(reduced, arcs_.nodes()), neighbours, relaxed, best_known);
    } else {
      found = improve(reduced, neighbours, relaxed, best_known);
    }
    found.bound = seconds(relaxed.bound);
    return found;
  }

 private:
  static constexpr std::size_t kNeighbours = 8;
  // Nothing is more than one part in so many better: not worth more time.
  static constexpr Micros kCloseEnough = 1'000'000;
  // Of the time; the rest makes something of what was known by then.
  static constexpr double kShareOfRelaxation = 0.7;

  [[nodiscard]] Found exact() const {
    Found found;
    found.tour = exact_tour<Micros>(
        arcs_.nodes(), [&](std::uint32_t, Node from, Node to) { return arcs_(from, to); });
    found.bound = seconds(cost_of(arcs_, found.tour));
    found.exact = true;
    return found;
  }

  template <class Costs>
  [[nodiscard]] Found improve(const Costs& costs, const Neighbours& neighbours,
                              const Relaxed& relaxed, const Tour& known) const {
    Tour start = known;
    if (!relaxed.successors.empty()) {
      start = CycleJoiner<Costs>(costs, neighbours, relaxed.successors).join();
    }
    LocalSearch<Costs> search(costs, neighbours, start, effort_.seed);
    search.descend(deadline_);
    if (cost_of(costs, search.tour()) > cost_of(costs, known)) {
      search.restart(known);
      search.descend(deadline_);
    }
    // The bound is known only when all arcs were priced.
    const Micros enough = relaxed.priced ? std::max<Micros>(0, relaxed.bound / kCloseEnough)
                                         : std::numeric_limits<Micros>::min();
    search.kick(effort_.kicks, enough, deadline_);
    return {.tour = search.tour(), .kicks = search.kicks()};
  }

  const Arcs<Model>& arcs_;
  const Effort& effort_;
  const Deadline& deadline_;
};

}  // namespace mixtape::order
