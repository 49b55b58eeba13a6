// SPDX-License-Identifier: Apache-2.0
#include "engine/order/wrap_map.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::order {

WrapMap::WrapMap(std::vector<std::uint64_t> last_blocks, WrapSpan span,
                 std::uint64_t blocks_per_wrap)
    : ends_(std::move(last_blocks)), span_(span) {
  const bool rises =
      std::adjacent_find(ends_.begin(), ends_.end(), std::greater_equal<>()) == ends_.end();
  if (ends_.empty() || !rises || ends_.size() > kHighestWrap ||
      ends_.back() > std::numeric_limits<std::uint64_t>::max() / 4) {
    throw Error(ErrorCode::invalid,
                "map blocks to wraps: the drive's last blocks of wraps do not rise from wrap to "
                "wrap; positions of this tape cannot be estimated");
  }
  for (std::uint64_t& end : ends_) {
    ++end;
  }
  const std::size_t full = ends_.size() - 1;
  const std::uint64_t before = full == 0 ? 0 : ends_[full - 1];
  ends_.back() = std::max(ends_.back(), full == 0 ? blocks_per_wrap : before + before / full);
}

Place WrapMap::at(std::uint64_t block) const {
  const auto found = std::upper_bound(ends_.begin(), ends_.end(), block);
  const bool behind = found == ends_.end();
  const auto wrap = static_cast<std::size_t>(behind ? ends_.size() - 1 : found - ends_.begin());
  const std::uint64_t begin = wrap == 0 ? 0 : ends_[wrap - 1];
  const double part =
      behind ? 1 : static_cast<double>(block - begin) / static_cast<double>(ends_[wrap] - begin);
  const double way = part * (span_.high - span_.low);
  return {static_cast<std::uint32_t>(wrap), wrap % 2 == 0 ? span_.low + way : span_.high - way};
}

}  // namespace mixtape::order
