// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "engine/order/arcs.h"

// The assignment problem on some of the arcs: each node gets a successor and a predecessor at the
// least total cost, in as many cycles as that makes. Its cost is a lower bound of any tour's, its
// cycles are the pieces of a good one, and its prices say which arcs a good tour can use.
//
// Successive shortest paths after Jonker and Volgenant, on lists of arcs. The prices of one
// solution are kept for the next one, which may have more arcs.
//
// Units:   microseconds.
// Threads: none.
// Cost:    about 50 us a node with 30 arcs each; quadratic at worst.

namespace mixtape::order {

struct Arc {
  Node to;
  Micros cost;
};

class Assignment {
 public:
  explicit Assignment(Node nodes);

  // The arcs that may be used from a node; they must admit an assignment (those of any tour do).
  // Duplicates are harmless.
  [[nodiscard]] std::vector<Arc>& arcs_of(Node from) { return arcs_[index(from)]; }

  // False when `stop()` said so on the way, asked from time to time; the prices are valid then too.
  template <class Stop>
  [[nodiscard]] bool solve(const Stop& stop) {
    start();
    std::size_t done = 0;
    while (!free_rows_.empty()) {
      if (++done % 16 == 0 && stop()) {
        return false;
      }
      const Node row = free_rows_.back();
      free_rows_.pop_back();
      augment(row);
    }
    finish();
    return true;
  }

  // The node after each, once solve() has returned true.
  [[nodiscard]] const std::vector<Node>& successors() const { return successor_; }
  // For arcs that were given: cost - leaving[from] - entering[to] >= 0, and 0 where it is used.
  [[nodiscard]] const std::vector<Micros>& leaving() const { return leaving_; }
  [[nodiscard]] const std::vector<Micros>& entering() const { return entering_; }

 private:
  static std::size_t index(Node node) { return static_cast<std::size_t>(node); }
  void start();
  void reduce(std::size_t passes);
  void augment(Node row);
  void finish();
  void assign(Node row, const Arc& arc);

  std::vector<std::vector<Arc>> arcs_;
  std::vector<Node> successor_, predecessor_;  // kNone where free.
  std::vector<Micros> used_;                   // Cost of the arc that a row uses.
  std::vector<Micros> leaving_, entering_;
  std::vector<Node> free_rows_;
  bool priced_ = false;

  // Of the shortest path that is looked for.
  std::vector<Micros> distance_;
  std::vector<Node> came_from_;
  std::vector<Micros> came_cost_;
  std::vector<Node> touched_, scanned_;
};

}  // namespace mixtape::order
