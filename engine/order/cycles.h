// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <numeric>
#include <queue>
#include <utility>
#include <vector>

#include "engine/order/arcs.h"
#include "engine/order/neighbours.h"

// Makes one tour of the cycles of an assignment: again and again the two cycles that are joined at
// the least loss exchange the successors of two of their nodes.
//
// Threads: none.
// Cost:    O(arcs log arcs).

namespace mixtape::order {

template <class Costs>
class CycleJoiner {
 public:
  CycleJoiner(const Costs& costs, const Neighbours& neighbours, std::vector<Node> successors)
      : costs_(costs),
        neighbours_(neighbours),
        successor_(std::move(successors)),
        predecessor_(successor_.size()),
        root_(successor_.size()) {
    std::iota(root_.begin(), root_.end(), 0);
    for (std::size_t node = 0; node < successor_.size(); ++node) {
      predecessor_[index(successor_[node])] = static_cast<Node>(node);
    }
    for (std::size_t node = 0; node < successor_.size(); ++node) {
      unite(static_cast<Node>(node), successor_[node]);
    }
  }

  [[nodiscard]] Tour join() {
    join_by_neighbours();
    for (std::size_t node = 1; node < successor_.size(); ++node) {
      if (root(static_cast<Node>(node)) != root(0)) {  // No neighbour led there.
        exchange(0, static_cast<Node>(node));
      }
    }
    Tour tour = {0};
    for (Node node = successor_[0]; node != 0; node = successor_[index(node)]) {
      tour.push_back(node);
    }
    return tour;
  }

 private:
  struct Joint {
    Micros loss;
    Node from, to;
    bool operator>(const Joint& other) const {
      return std::tie(loss, from, to) > std::tie(other.loss, other.from, other.to);
    }
  };

  static std::size_t index(Node node) { return static_cast<std::size_t>(node); }
  Node root(Node node) {
    while (root_[index(node)] != node) {
      node = root_[index(node)] = root_[index(root_[index(node)])];
    }
    return node;
  }
  void unite(Node one, Node other) { root_[index(root(one))] = root(other); }

  // Of using the arc from -> to, and the one that must follow from it.
  [[nodiscard]] Micros loss_of(Node from, Node to) const {
    const Node after = successor_[index(from)];
    const Node before = predecessor_[index(to)];
    return costs_(from, to) + costs_(before, after) - costs_(from, after) - costs_(before, to);
  }
  void exchange(Node from, Node to) {
    const Node after = successor_[index(from)];
    const Node before = predecessor_[index(to)];
    successor_[index(from)] = to;
    predecessor_[index(to)] = from;
    successor_[index(before)] = after;
    predecessor_[index(after)] = before;
    unite(from, to);
  }
  void join_by_neighbours() {
    std::priority_queue<Joint, std::vector<Joint>, std::greater<>> joints;
    for (std::size_t node = 0; node < successor_.size(); ++node) {
      const Node from = static_cast<Node>(node);
      for (const Neighbour& neighbour : neighbours_.after(from)) {
        if (root(from) != root(neighbour.node)) {
          joints.push({loss_of(from, neighbour.node), from, neighbour.node});
        }
      }
    }
    while (!joints.empty()) {
      const Joint best = joints.top();
      joints.pop();
      if (root(best.from) == root(best.to)) {
        continue;
      }
      const Micros loss = loss_of(best.from, best.to);  // Joining others may have changed it.
      if (loss > best.loss) {
        joints.push({loss, best.from, best.to});
      } else {
        exchange(best.from, best.to);
      }
    }
  }

  const Costs& costs_;
  const Neighbours& neighbours_;
  std::vector<Node> successor_, predecessor_;
  std::vector<Node> root_;
};

}  // namespace mixtape::order
