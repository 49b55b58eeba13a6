// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine/order/models.h"
#include "engine/order/request.h"

// A batch as the search sees it: nodes and what going from one to another costs.
//
// Node 0 is the head; node i is request i - 1, entered at its beginning and left at its end. Going
// back to node 0 costs nothing: an order is a closed tour that begins at 0, and its end is free.
//
// Units:   microseconds, whole, so that sums are exact and the same everywhere.
// Threads: values; a const one may be asked by several.

namespace mixtape::order {

using Node = std::int32_t;
using Micros = std::int64_t;
// A tour: every node once, beginning with node 0.
using Tour = std::vector<Node>;

[[nodiscard]] inline Micros micros(double seconds) {
  return static_cast<Micros>(seconds * 1e6 + (seconds < 0 ? -0.5 : 0.5));
}
[[nodiscard]] inline double seconds(Micros time) {
  return static_cast<double>(time) / 1e6;
}

template <class Model>
class Arcs {
 public:
  Arcs(const Model& model, const Batch& batch) : model_(model) {
    requests_.reserve(batch.requests.size() + 1);
    requests_.push_back({batch.head.place, batch.head.place});
    first_.push_back(0);
    for (const Request& request : batch.requests) {
      requests_.push_back({request.begin, request.end});
      first_.push_back(micros(model.first(batch.head, request.begin)));
    }
  }

  [[nodiscard]] Node nodes() const { return static_cast<Node>(requests_.size()); }
  [[nodiscard]] Micros operator()(Node from, Node to) const {
    if (to == 0) {
      return 0;
    }
    if (from == 0) {
      return first_[static_cast<std::size_t>(to)];
    }
    return micros(model_.locate(extent(from).end, extent(to).begin));
  }
  // In microseconds; rounded down.
  [[nodiscard]] LeastTime least(Way way) const {
    const LeastTime least = model_.least(way);
    return {least.base * 1e6 - 1, least.per_unit * 1e6};
  }
  [[nodiscard]] const Place& begin_of(Node node) const { return extent(node).begin; }
  [[nodiscard]] const Place& end_of(Node node) const { return extent(node).end; }
  [[nodiscard]] Micros read(Node node) const {
    return node == 0 ? 0 : micros(model_.read(extent(node).begin, extent(node).end));
  }

 private:
  struct Extent {
    Place begin, end;
  };
  [[nodiscard]] const Extent& extent(Node node) const {
    return requests_[static_cast<std::size_t>(node)];
  }

  Model model_;
  std::vector<Extent> requests_;
  std::vector<Micros> first_;
};

template <class Costs>
[[nodiscard]] Micros cost_of(const Costs& costs, const Tour& tour) {
  Micros sum = costs(tour.back(), tour.front());
  for (std::size_t index = 1; index < tour.size(); ++index) {
    sum += costs(tour[index - 1], tour[index]);
  }
  return sum;
}

}  // namespace mixtape::order
