// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/order/request.h"

// A batch as text, in one of two forms that are told apart by their first character.
//
// The contest's, each record in brackets on a line of its own, headings in quotation marks:
//
//   ["head":"wrap","lpos","status"]                 status: 0 at rest, 1 moving
//   [31,270000,0]
//   ["io count"]
//   [1]
//   ["io":"id","wrap","startLpos","endLpos"]
//   [1,31,274330,274135]
//
// Comma-separated values, with or without a heading that begins with "id"; # begins a comment:
//
//   head,31,270000,resting                          or moving; at rest at wrap 0, position 0
//   id,wrap,begin,end,weight,end_wrap               when there is no such line; the weight is 1
//   1,31,274330,274135                              and the end's wrap that of the beginning, when
//   2,40,100,200,2.5,41                             they are left out
//
// Threads: a function of values.
// Errors:  Error{invalid} that names the line: what is no number, too many or too few fields or
//          records, an id that is there twice, and what check() of a batch says.

namespace mixtape::order {

// Of a text that is read at all; room for kMostRequests lines.
inline constexpr std::uint64_t kLongestBatchText = 16 << 20;

[[nodiscard]] Batch parse_batch(std::string_view text);

}  // namespace mixtape::order
