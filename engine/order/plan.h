// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/order/models.h"

// In which order to read what is wanted from one tape: the door to this room.
//
// A plan is never worse, by its model and objective, than reading in the order of blocks or going
// to the nearest next read every time; up to kMostExact requests it is the best there is.
//
// Units:   seconds; orders are indices into the batch's requests.
// Threads: functions of values; several may run at once.
// Errors:  Error{invalid} as check() of the batch says.

namespace mixtape::order {

enum class Objective {
  makespan,  // Bulk: the sum of all locates.
  response,  // Interactive: the sum over requests of weight times when each has been read.
};

struct Effort {
  double seconds = 1;  // All in all; a plan that is ready earlier is returned earlier.
  std::uint64_t seed = 1;
  // Perturbations at most. With the same seed and kicks the order is the same everywhere, unless
  // `seconds` ended it.
  std::uint64_t kicks = UINT64_MAX;
};

// What the model says of an order.
struct Costs {
  double locate_s = 0;    // All locates.
  double read_s = 0;      // All reads.
  double response_s = 0;  // Weighted sum of when each has been read.
};

struct Plan {
  std::vector<std::size_t> order;
  Costs costs;
  double bound = 0;    // No order has less of the objective.
  bool exact = false;  // It is the best order.
  std::uint64_t kicks = 0;
};

[[nodiscard]] double of_objective(const Costs& costs, Objective objective);

[[nodiscard]] Plan plan(const Model& model, const Batch& batch, Objective objective,
                        const Effort& effort);

// The rest of a plan while it is carried out: `batch` has the head where it is now, what is still
// to be read, and what was asked for since; `order` is the rest of the old order, without the late
// requests. Those are put where they cost least, then all is improved, and never made worse.
[[nodiscard]] Plan replan(const Model& model, const Batch& batch,
                          const std::vector<std::size_t>& order, Objective objective,
                          const Effort& effort);

// An order from elsewhere, such as the drive's own recommendation, by the same model.
// Error{invalid} when it is no permutation.
[[nodiscard]] Costs judge(const Model& model, const Batch& batch,
                          const std::vector<std::size_t>& order);

// The better of the two; `offered` only if it is better.
[[nodiscard]] Plan better(Plan own, const Model& model, const Batch& batch, Objective objective,
                          const std::vector<std::size_t>& offered);

// The rules of others, for comparison.
[[nodiscard]] std::vector<std::size_t> order_by_block(const Model& model, const Batch& batch);
[[nodiscard]] std::vector<std::size_t> order_by_nearest_locate(const Model& model,
                                                               const Batch& batch);

}  // namespace mixtape::order
