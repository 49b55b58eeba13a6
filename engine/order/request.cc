// SPDX-License-Identifier: Apache-2.0
#include "engine/order/request.h"

#include <string>

#include "tapeio/error.h"

namespace mixtape::order {
namespace {

void check_place(const Place& place, const std::string& whose) {
  if (place.wrap > kHighestWrap) {
    throw Error(ErrorCode::invalid, whose + ": wrap " + std::to_string(place.wrap) + " is above " +
                                        std::to_string(kHighestWrap));
  }
  // Written so that what is not a number fails too.
  if (!(place.at >= 0 && place.at <= kFarthest)) {
    throw Error(ErrorCode::invalid,
                whose + ": a position must be a number from 0 to 1,000,000,000");
  }
}

}  // namespace

void check(const Batch& batch) {
  if (batch.requests.size() > kMostRequests) {
    throw Error(ErrorCode::invalid, "order " + std::to_string(batch.requests.size()) +
                                        " requests: at most " + std::to_string(kMostRequests) +
                                        " at once; order them in parts");
  }
  check_place(batch.head.place, "head");
  for (const Request& request : batch.requests) {
    const std::string whose = "request " + std::to_string(request.id);
    check_place(request.begin, whose);
    check_place(request.end, whose);
    if (!(request.weight > 0 && request.weight <= kHeaviest)) {
      throw Error(ErrorCode::invalid, whose + ": a weight must be above 0 and at most 1,000,000");
    }
  }
}

}  // namespace mixtape::order
