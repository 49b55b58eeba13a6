// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "engine/order/arcs.h"

// Which nodes are near a place along the tape, whatever their wrap: what takes the place of a
// matrix of all costs.
//
// Nodes are kept in two rows, those on even and those on odd wraps. Whoever looks around goes up
// and down in each, and stops by a bound by distance.
//
// Threads: a const one may be asked by several.
// Cost:    O(n log n) to make; O(log n) a question.

namespace mixtape::order {

struct Nearby {
  struct Entry {
    double at;
    Node node;
    std::uint32_t wrap;
  };
  std::array<std::vector<Entry>, 2> rows;  // By parity of the wrap; rising.

  // Of nodes 1 and on; `place_of(node)` is where they are.
  template <class PlaceOf>
  Nearby(Node nodes, const PlaceOf& place_of) {
    for (Node node = 1; node < nodes; ++node) {
      const Place& place = place_of(node);
      rows[place.wrap % 2].push_back({place.at, node, place.wrap});
    }
    for (std::vector<Entry>& row : rows) {
      std::sort(row.begin(), row.end(), [](const Entry& left, const Entry& right) {
        return left.at != right.at ? left.at < right.at : left.node < right.node;
      });
    }
  }

  // The first entry of a row at or beyond a place.
  [[nodiscard]] std::ptrdiff_t index_of(std::size_t row, double at) const {
    const auto found =
        std::lower_bound(rows[row].begin(), rows[row].end(), at,
                         [](const Entry& entry, double wanted) { return entry.at < wanted; });
    return found - rows[row].begin();
  }
};

}  // namespace mixtape::order
