// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "engine/order/locate_fit.h"
#include "engine/order/request.h"
#include "tapeio/lto/motion.h"
#include "tapeio/lto/positioning.h"

// What all models of serpentine tapes have in common.
//
// Threads: values.

namespace mixtape::order {

// Of a wrap, from where data begins to where it ends.
struct WrapSpan {
  double low, high;
  // Along the tape from `begin` forward to `end`, also over several wraps; negative when behind.
  [[nodiscard]] double travel(const Place& begin, const Place& end) const {
    const auto along = [this](const Place& place) {
      return place.wrap % 2 == 0 ? place.at - low : high - place.at;
    };
    const double wraps = static_cast<double>(end.wrap) - static_cast<double>(begin.wrap);
    return wraps * (high - low) + along(end) - along(begin);
  }
};

[[nodiscard]] inline Way way_of(const Place& from, const Place& to) {
  if ((from.wrap ^ to.wrap) % 2 != 0) {
    return Way::across;
  }
  const double x = (to.at - from.at) * tapeio::lto::direction_of(from.wrap);
  return x >= 0 ? Way::ahead : Way::behind;
}

struct LeastTime {
  double base, per_unit;
};

[[nodiscard]] inline LeastTime least_of(const tapeio::lto::SerpentineMotion& motion, Way way) {
  const double per_unit = 1 / motion.figures().locate_speed;
  if (way == Way::ahead) {
    return {0, per_unit};
  }
  return {way == Way::behind ? motion.least_behind() : motion.least_opposite(), per_unit};
}

}  // namespace mixtape::order
