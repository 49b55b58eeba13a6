// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/present_ranges.h"

#include <algorithm>

namespace mixtape::recall {

void PresentRanges::add(ByteRange range) {
  if (range.begin >= range.end) {
    return;
  }
  auto next = ranges_.upper_bound(range.begin);
  if (next != ranges_.begin() && std::prev(next)->second >= range.begin) {
    --next;
  }
  while (next != ranges_.end() && next->first <= range.end) {
    range.begin = std::min(range.begin, next->first);
    range.end = std::max(range.end, next->second);
    next = ranges_.erase(next);
  }
  ranges_[range.begin] = range.end;
  if (ranges_.size() <= kMost) {
    return;
  }
  const auto size_of = [&](const auto& each) {
    return each.first == range.begin ? ~std::uint64_t{0} : each.second - each.first;
  };
  ranges_.erase(std::min_element(ranges_.begin(), ranges_.end(), [&](const auto& a, const auto& b) {
    return size_of(a) < size_of(b);
  }));
}

bool PresentRanges::has(ByteRange range) const {
  return range.begin >= range.end || missing(range.begin, range.end).size() == 0;
}

ByteRange PresentRanges::missing(std::uint64_t from, std::uint64_t size) const {
  auto next = ranges_.upper_bound(from);
  std::uint64_t begin = from;
  if (next != ranges_.begin()) {
    begin = std::max(begin, std::prev(next)->second);
  }
  begin = std::min(begin, size);
  return {begin, next == ranges_.end() ? size : std::clamp(next->first, begin, size)};
}

std::uint64_t PresentRanges::bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [begin, end] : ranges_) {
    bytes += end - begin;
  }
  return bytes;
}

}  // namespace mixtape::recall
