// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "engine/order/arcs.h"

// Which nodes are near a place along the tape, whatever their wrap: what takes the place of a
// matrix of all costs.
//
// Nodes are kept in four rows: those on even and on odd wraps, each up and down from the place that
// is asked for. Whoever looks around stops each row by itself, which a bound by distance allows.
//
// Threads: a const one may be asked by several.
// Cost:    O(n log n) to make; O(log n) and what is visited a question.

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

  // Calls visit(row, index, entry, distance) outward from `at` in each of the four rows, until it
  // returns false there. `index` counts within the row.
  template <class Visit>
  void outward(double at, const Visit& visit) const {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const std::vector<Entry>& entries = rows[row];
      const std::ptrdiff_t middle = index_of(row, at);
      const auto count = static_cast<std::ptrdiff_t>(entries.size());
      for (std::ptrdiff_t index = middle; index < count; ++index) {
        const Entry& entry = entries[static_cast<std::size_t>(index)];
        if (!visit(row, index, entry, entry.at - at)) {
          break;
        }
      }
      for (std::ptrdiff_t index = middle - 1; index >= 0; --index) {
        const Entry& entry = entries[static_cast<std::size_t>(index)];
        if (!visit(row, index, entry, at - entry.at)) {
          break;
        }
      }
    }
  }
};

}  // namespace mixtape::order
