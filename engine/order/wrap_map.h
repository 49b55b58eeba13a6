// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine/order/models.h"

// Where on the tape a block lies, from what the drive says of the last block of each wrap, taking
// blocks within a wrap to be of one length.
//
// Threads: a const one may be asked by several.
// Cost:    O(log wraps) a question.

namespace mixtape::order {

class WrapMap {
 public:
  // `last_blocks`: of wraps 0 and on, rising, as READ END OF WRAP POSITION answers. The last wrap
  // is seldom full: the drive tells its last written block, not where the wrap ends; so it is
  // taken to be as long as the mean of the others, or, when it is the only one, to have
  // `blocks_per_wrap` blocks, if the caller can tell (native capacity / wraps / block).
  // Error{invalid} when they do not rise, are none, or more than kHighestWrap.
  WrapMap(std::vector<std::uint64_t> last_blocks, WrapSpan span, std::uint64_t blocks_per_wrap = 0);

  // The place where the block begins; behind the last wrap's end: at its end.
  [[nodiscard]] Place at(std::uint64_t block) const;

 private:
  std::vector<std::uint64_t> ends_;  // Of each wrap, the block behind its last one.
  WrapSpan span_;
};

}  // namespace mixtape::order
