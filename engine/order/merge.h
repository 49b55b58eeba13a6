// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "engine/order/models.h"

// Requests that lie so near behind each other that reading on over the gap is no slower than any
// locate are one read: a search is spared, and models that know no reading on are not taken at
// their word.
//
// Threads: none.
// Cost:    O(n log n).

namespace mixtape::order {

struct Merged {
  Batch batch;  // Ids are places in `parts`; the weight is the sum of the parts'.
  std::vector<std::vector<std::size_t>> parts;  // Which requests each is, in the order of reading.
};

// Gaps up to `longest_gap_s` seconds of reading, over the end of a wrap too. Requests that overlap
// are merged likewise: who reads the union has both.
[[nodiscard]] Merged merge(const Model& model, const Batch& batch, double longest_gap_s);

// The least that a locate of this model ever takes, with a change of place: gaps up to it are
// always worth reading through.
[[nodiscard]] double cheapest_locate_seconds(const Model& model);

// Whether what lies between is read rather than skipped, as it takes no longer.
[[nodiscard]] bool reads_through(const Model& model, const Place& from, const Place& to);

}  // namespace mixtape::order
