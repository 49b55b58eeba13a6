// SPDX-License-Identifier: Apache-2.0
#include "engine/order/plan.h"

#include <string>

#include "engine/order/response.h"
#include "engine/order/search.h"
#include "tapeio/error.h"

namespace mixtape::order {
namespace {

using Order = std::vector<std::size_t>;

Order order_of(const Tour& tour) {
  Order order;
  order.reserve(tour.size() - 1);
  for (std::size_t place = 1; place < tour.size(); ++place) {
    order.push_back(static_cast<std::size_t>(tour[place]) - 1);
  }
  return order;
}

Tour tour_of(const Order& order) {
  Tour tour = {0};
  tour.reserve(order.size() + 1);
  for (const std::size_t index : order) {
    tour.push_back(static_cast<Node>(index) + 1);
  }
  return tour;
}

void check_order(const Batch& batch, const Order& order, bool whole) {
  std::vector<bool> seen(batch.requests.size(), false);
  for (const std::size_t index : order) {
    if (index >= seen.size() || seen[index]) {
      throw Error(ErrorCode::invalid, "judge an order of " + std::to_string(seen.size()) +
                                          " requests: it names request " + std::to_string(index) +
                                          (index < seen.size() ? " twice" : ", which is none"));
    }
    seen[index] = true;
  }
  if (whole && order.size() != seen.size()) {
    throw Error(ErrorCode::invalid, "judge an order of " + std::to_string(seen.size()) +
                                        " requests: it has only " + std::to_string(order.size()));
  }
}

// Puts each node that is missing where it makes the tour longer by the least.
template <class Model>
void insert_missing(const Arcs<Model>& arcs, Tour& tour) {
  std::vector<bool> there(static_cast<std::size_t>(arcs.nodes()), false);
  for (const Node node : tour) {
    there[static_cast<std::size_t>(node)] = true;
  }
  for (Node late = 1; late < arcs.nodes(); ++late) {
    if (there[static_cast<std::size_t>(late)]) {
      continue;
    }
    std::size_t best = tour.size();
    Micros least = arcs(tour.back(), late);
    for (std::size_t place = 1; place < tour.size(); ++place) {
      const Micros more = arcs(tour[place - 1], late) + arcs(late, tour[place]) -
                          arcs(tour[place - 1], tour[place]);
      if (more < least) {
        least = more;
        best = place;
      }
    }
    tour.insert(tour.begin() + static_cast<std::ptrdiff_t>(best), late);
  }
}

template <class Drive>
Found search(const Drive& drive, const Batch& batch, Objective objective, const Effort& effort,
             const Order* hint) {
  const Deadline deadline(effort.seconds);
  const Arcs<Drive> arcs(drive, batch);
  std::vector<Tour> known = {by_block(arcs), NearestLocate<Drive>(arcs).tour()};
  if (hint != nullptr) {
    known.push_back(tour_of(*hint));
    insert_missing(arcs, known.back());
  }
  if (objective == Objective::makespan) {
    return Search<Drive>(arcs, effort, deadline).shortest(known);
  }
  return Waiting<Drive>(drive, arcs, batch, effort, deadline).least(std::move(known));
}

Plan make_plan(const Model& model, const Batch& batch, Objective objective, const Effort& effort,
               const Order* hint) {
  check(model, batch);
  Plan plan;
  if (batch.requests.empty()) {
    plan.exact = true;
    return plan;
  }
  const Found found = std::visit(
      [&](const auto& drive) { return search(drive, batch, objective, effort, hint); }, model);
  plan.order = order_of(found.tour);
  plan.costs = judge(model, batch, plan.order);
  plan.bound = found.exact ? of_objective(plan.costs, objective) : found.bound;
  plan.exact = found.exact;
  plan.kicks = found.kicks;
  return plan;
}

}  // namespace

double of_objective(const Costs& costs, Objective objective) {
  return objective == Objective::makespan ? costs.locate_s : costs.response_s;
}

Plan plan(const Model& model, const Batch& batch, Objective objective, const Effort& effort) {
  return make_plan(model, batch, objective, effort, nullptr);
}

Plan replan(const Model& model, const Batch& batch, const std::vector<std::size_t>& order,
            Objective objective, const Effort& effort) {
  check_order(batch, order, false);
  return make_plan(model, batch, objective, effort, &order);
}

Costs judge(const Model& model, const Batch& batch, const std::vector<std::size_t>& order) {
  check_order(batch, order, true);
  return std::visit(
      [&](const auto& drive) {
        Costs costs;
        const Place* from = nullptr;
        for (const std::size_t index : order) {
          const Request& request = batch.requests[index];
          costs.locate_s += from == nullptr ? drive.first(batch.head, request.begin)
                                            : drive.locate(*from, request.begin);
          costs.read_s += drive.read(request.begin, request.end);
          costs.response_s += request.weight * (costs.locate_s + costs.read_s);
          from = &request.end;
        }
        return costs;
      },
      model);
}

Plan better(Plan own, const Model& model, const Batch& batch, Objective objective,
            const std::vector<std::size_t>& offered) {
  const Costs costs = judge(model, batch, offered);
  if (of_objective(costs, objective) < of_objective(own.costs, objective)) {
    own.order = offered;
    own.costs = costs;
  }
  return own;
}

std::vector<std::size_t> order_by_block(const Model& model, const Batch& batch) {
  check(model, batch);
  return std::visit([&](const auto& drive) { return order_of(by_block(Arcs(drive, batch))); },
                    model);
}

std::vector<std::size_t> order_by_nearest_locate(const Model& model, const Batch& batch) {
  check(model, batch);
  return std::visit(
      [&](const auto& drive) { return order_of(NearestLocate(Arcs(drive, batch)).tour()); }, model);
}

}  // namespace mixtape::order
