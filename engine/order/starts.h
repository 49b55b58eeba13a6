// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <vector>

#include "engine/order/arcs.h"
#include "engine/order/nearby.h"

// Orders that others use and that no plan may be worse than.
//
// Threads: none.

namespace mixtape::order {

// By where a read begins in the order of writing: wrap by wrap, each in its direction.
template <class Model>
[[nodiscard]] Tour by_block(const Arcs<Model>& arcs) {
  Tour tour(static_cast<std::size_t>(arcs.nodes()));
  std::iota(tour.begin(), tour.end(), 0);
  std::stable_sort(tour.begin() + 1, tour.end(), [&](Node left, Node right) {
    const Place& a = arcs.begin_of(left);
    const Place& b = arcs.begin_of(right);
    if (a.wrap != b.wrap) {
      return a.wrap < b.wrap;
    }
    return a.wrap % 2 == 0 ? a.at < b.at : a.at > b.at;
  });
  return tour;
}

// Always on to what is quickest to reach from here. About n log n: what was read is stepped over,
// and what is too far away to be the quickest is not looked at.
template <class Model>
class NearestLocate {
 public:
  explicit NearestLocate(const Arcs<Model>& arcs)
      : arcs_(arcs),
        begins_(arcs.nodes(), [&](Node node) -> const Place& { return arcs.begin_of(node); }),
        index_of_(static_cast<std::size_t>(arcs.nodes())) {
    for (std::size_t row = 0; row < begins_.rows.size(); ++row) {
      const std::size_t count = begins_.rows[row].size();
      up_[row].resize(count + 1);
      down_[row].resize(count + 1);
      std::iota(up_[row].begin(), up_[row].end(), 0);
      std::iota(down_[row].begin(), down_[row].end(), 0);
      for (std::size_t index = 0; index < count; ++index) {
        index_of_[static_cast<std::size_t>(begins_.rows[row][index].node)] = {row, index};
      }
    }
  }

  [[nodiscard]] Tour tour() {
    Tour tour = {0};
    for (Node step = 1; step < arcs_.nodes(); ++step) {
      const Node next = nearest(tour.back());
      take_out(next);
      tour.push_back(next);
    }
    return tour;
  }

 private:
  struct Where {
    std::size_t row = 0, index = 0;
  };
  struct Choice {
    Micros cost = std::numeric_limits<Micros>::max();
    Node node = 0;
    void consider(Micros other, Node candidate) {
      if (other < cost || (other == cost && candidate < node)) {
        cost = other;
        node = candidate;
      }
    }
  };
  // up_: the next index at or after this one that is not read yet; down_ the same downwards, of
  // index + 1, where 0 is the end.
  using Links = std::array<std::vector<std::size_t>, 2>;

  static std::size_t follow(std::vector<std::size_t>& links, std::size_t from) {
    while (links[from] != from) {
      from = links[from] = links[links[from]];
    }
    return from;
  }
  void take_out(Node node) {
    const auto [row, index] = index_of_[static_cast<std::size_t>(node)];
    up_[row][index] = index + 1;
    down_[row][index + 1] = index;
  }

  Node nearest(Node from) {
    Choice best;
    if (from == 0) {
      for (Node node = 1; node < arcs_.nodes(); ++node) {
        best.consider(arcs_(0, node), node);
      }
      return best.node;
    }
    const double at = arcs_.end_of(from).at;
    const LeastTime ahead = arcs_.least(Way::ahead);  // Which holds for any way.
    const auto least = [&](double distance) { return ahead.base + ahead.per_unit * distance; };
    for (std::size_t row = 0; row < begins_.rows.size(); ++row) {
      const std::vector<Nearby::Entry>& entries = begins_.rows[row];
      const auto middle = static_cast<std::size_t>(begins_.index_of(row, at));
      for (std::size_t index = follow(up_[row], middle); index < entries.size();
           index = follow(up_[row], index + 1)) {
        if (least(entries[index].at - at) > static_cast<double>(best.cost)) {
          break;
        }
        best.consider(arcs_(from, entries[index].node), entries[index].node);
      }
      for (std::size_t index = follow(down_[row], middle); index > 0;
           index = follow(down_[row], index - 1)) {
        if (least(at - entries[index - 1].at) > static_cast<double>(best.cost)) {
          break;
        }
        best.consider(arcs_(from, entries[index - 1].node), entries[index - 1].node);
      }
    }
    return best.node;
  }

  const Arcs<Model>& arcs_;
  Nearby begins_;
  std::vector<Where> index_of_;
  Links up_, down_;
};

}  // namespace mixtape::order
