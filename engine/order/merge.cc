// SPDX-License-Identifier: Apache-2.0
#include "engine/order/merge.h"

#include <algorithm>
#include <numeric>

namespace mixtape::order {
namespace {

// In the order of writing.
bool lies_before(const Place& left, const Place& right) {
  if (left.wrap != right.wrap) {
    return left.wrap < right.wrap;
  }
  return left.wrap % 2 == 0 ? left.at < right.at : left.at > right.at;
}

}  // namespace

Merged merge(const Model& model, const Batch& batch, double longest_gap_s) {
  std::vector<std::size_t> order(batch.requests.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
    return lies_before(batch.requests[left].begin, batch.requests[right].begin);
  });
  Merged merged{{batch.head, {}}, {}};
  for (const std::size_t index : order) {
    const Request& request = batch.requests[index];
    if (!merged.parts.empty()) {
      Request& last = merged.batch.requests.back();
      const bool overlaps = lies_before(request.begin, last.end);
      if (overlaps || gap_seconds(model, last.end, request.begin) <= longest_gap_s) {
        merged.parts.back().push_back(index);
        last.weight += request.weight;
        last.end = lies_before(last.end, request.end) ? request.end : last.end;
        continue;
      }
    }
    merged.batch.requests.push_back(
        {merged.parts.size(), request.begin, request.end, request.weight});
    merged.parts.push_back({index});
  }
  return merged;
}

double cheapest_locate_seconds(const Model& model) {
  if (const auto* drive = std::get_if<LtoDrive>(&model)) {
    return drive->positioning().motion().figures().landing_s;
  }
  if (std::holds_alternative<ContestDrive>(model)) {
    return ContestDrive::kLandingSeconds;
  }
  return std::holds_alternative<CtaRegression>(model) ? CtaRegression::kConstantSeconds : 0;
}

bool reads_through(const Model& model, const Place& from, const Place& to) {
  return gap_seconds(model, from, to) <= locate_seconds(model, from, to);
}

}  // namespace mixtape::order
