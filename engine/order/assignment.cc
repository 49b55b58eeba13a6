// SPDX-License-Identifier: Apache-2.0
#include "engine/order/assignment.h"

#include <functional>
#include <limits>
#include <queue>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::order {
namespace {

constexpr Node kNone = -1;
constexpr Micros kFar = std::numeric_limits<Micros>::max();
// Of the reduction of rows before the paths; more gain nothing.
constexpr std::size_t kReductions = 2;

}  // namespace

Assignment::Assignment(Node nodes)
    : arcs_(index(nodes)),
      successor_(index(nodes), kNone),
      predecessor_(index(nodes), kNone),
      used_(index(nodes), 0),
      leaving_(index(nodes), 0),
      entering_(index(nodes), 0),
      distance_(index(nodes), kFar),
      came_from_(index(nodes), kNone),
      came_cost_(index(nodes), 0) {}

void Assignment::assign(Node row, const Arc& arc) {
  successor_[index(row)] = arc.to;
  used_[index(row)] = arc.cost;
  predecessor_[index(arc.to)] = row;
}

void Assignment::start() {
  const auto nodes = static_cast<Node>(arcs_.size());
  if (!priced_) {
    std::fill(entering_.begin(), entering_.end(), kFar);
    for (const std::vector<Arc>& arcs : arcs_) {
      for (const Arc& arc : arcs) {
        entering_[index(arc.to)] = std::min(entering_[index(arc.to)], arc.cost);
      }
    }
    priced_ = true;
  }
  // Who still uses one of his cheapest arcs at these prices keeps it.
  free_rows_.clear();
  for (Node row = 0; row < nodes; ++row) {
    Micros least = kFar;
    for (const Arc& arc : arcs_[index(row)]) {
      least = std::min(least, arc.cost - entering_[index(arc.to)]);
    }
    const Node column = successor_[index(row)];
    if (column != kNone) {
      if (used_[index(row)] - entering_[index(column)] == least) {
        continue;
      }
      predecessor_[index(column)] = kNone;
      successor_[index(row)] = kNone;
    }
    free_rows_.push_back(row);
  }
  reduce(kReductions);
}

// A free row takes its cheapest column at once and lowers its price to what makes the second
// cheapest as good; who had it before is free again.
void Assignment::reduce(std::size_t passes) {
  for (std::size_t pass = 0; pass < passes; ++pass) {
    std::vector<Node> left;
    std::size_t steps = 0;
    const std::size_t most_steps = 4 * arcs_.size();  // Prices fall without end in some instances.
    while (!free_rows_.empty()) {
      const Node row = free_rows_.back();
      free_rows_.pop_back();
      Micros first = kFar, second = kFar;
      const Arc* best = nullptr;
      const Arc* next = nullptr;
      for (const Arc& arc : arcs_[index(row)]) {
        const Micros value = arc.cost - entering_[index(arc.to)];
        if (value < first) {
          second = best != nullptr && best->to != arc.to ? first : second;
          next = best != nullptr && best->to != arc.to ? best : next;
          first = value;
          best = &arc;
        } else if (value < second && arc.to != best->to) {
          second = value;
          next = &arc;
        }
      }
      MIXTAPE_ASSERT(best != nullptr);
      Node owner = predecessor_[index(best->to)];
      const bool cheaper = next != nullptr && first < second;
      if (cheaper) {
        entering_[index(best->to)] -= second - first;
      } else if (owner != kNone && next != nullptr) {
        best = next;
        owner = predecessor_[index(best->to)];
      }
      assign(row, *best);
      if (owner != kNone) {
        successor_[index(owner)] = kNone;
        (cheaper && ++steps < most_steps ? free_rows_ : left).push_back(owner);
      }
    }
    free_rows_ = std::move(left);
  }
}

void Assignment::augment(Node row) {
  using Reached = std::pair<Micros, Node>;
  std::priority_queue<Reached, std::vector<Reached>, std::greater<>> nearest;
  touched_.clear();
  scanned_.clear();
  Node from = row;
  Micros reached = 0, offset = 0;  // Distance of `from`; what its arcs' values count from.
  Node end = kNone;
  while (end == kNone) {
    for (const Arc& arc : arcs_[index(from)]) {
      const Micros distance = reached + arc.cost - entering_[index(arc.to)] - offset;
      if (distance < distance_[index(arc.to)]) {
        if (distance_[index(arc.to)] == kFar) {
          touched_.push_back(arc.to);
        }
        distance_[index(arc.to)] = distance;
        came_from_[index(arc.to)] = from;
        came_cost_[index(arc.to)] = arc.cost;
        nearest.emplace(distance, arc.to);
      }
    }
    Node column = kNone;
    while (column == kNone) {
      MIXTAPE_ASSERT(!nearest.empty());
      const auto [distance, node] = nearest.top();
      nearest.pop();
      if (distance == distance_[index(node)]) {  // Else it was reached on a shorter way since.
        column = node;
      }
    }
    reached = distance_[index(column)];
    if (predecessor_[index(column)] == kNone) {
      end = column;
    } else {
      scanned_.push_back(column);
      from = predecessor_[index(column)];
      offset = used_[index(from)] - entering_[index(column)];
    }
  }
  for (const Node column : scanned_) {
    entering_[index(column)] += distance_[index(column)] - reached;
  }
  for (Node column = end;;) {
    const Node by = came_from_[index(column)];
    const Node before = successor_[index(by)];
    assign(by, {column, came_cost_[index(column)]});
    if (by == row) {
      break;
    }
    column = before;
  }
  for (const Node column : touched_) {
    distance_[index(column)] = kFar;
  }
}

void Assignment::finish() {
  for (std::size_t row = 0; row < arcs_.size(); ++row) {
    leaving_[row] = used_[row] - entering_[index(successor_[row])];
  }
}

}  // namespace mixtape::order
