// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

#include "engine/order/locate_fit.h"
#include "engine/order/request.h"
#include "engine/order/serpentine.h"
#include "tapeio/lto/generation.h"
#include "tapeio/lto/positioning.h"

// The model of a drive as the simulator has it, one of models.h.

namespace mixtape::order {

// A drive of LTO generation 5 to 10, as the simulator has it; `fit`: what was learnt of this one.
// Reading on is as published. The first locate, from a head at rest, is stretched and moved as
// those of its way: one in each load, too few to be measured by themselves, by the same reels.
class LtoDrive {
 public:
  explicit LtoDrive(unsigned generation, tapeio::lto::MotionTerms terms = {}, LocateFit fit = {})
      : positioning_(tapeio::lto::figures_of(generation), terms), fit_(fit) {
    // No locate may take less than none, nor one ahead less than its way.
    for (const Way way : {Way::ahead, Way::behind, Way::across}) {
      LineFit& line = fit_[static_cast<std::size_t>(way)];
      const double least = -line.scale * least_of(positioning_.motion(), way).base;
      line.offset_s = std::max(line.offset_s, least);
    }
  }
  [[nodiscard]] double locate(const Place& from, const Place& to) const {
    const double published = published_locate(from, to);
    const double x = (to.at - from.at) * tapeio::lto::direction_of(from.wrap);
    if (from.wrap == to.wrap && x >= 0 && x <= positioning_.motion().land()) {
      return published;
    }
    return fit_[static_cast<std::size_t>(way_of(from, to))].of(published);
  }
  [[nodiscard]] double published_locate(const Place& from, const Place& to) const {
    return positioning_.locate_seconds({from.wrap, from.at}, tapeio::lto::Motion::streaming,
                                       {to.wrap, to.at});
  }
  [[nodiscard]] double first(const Head& head, const Place& to) const {
    if (head.moving) {
      return locate(head.place, to);
    }
    const double published = positioning_.locate_seconds(
        {head.place.wrap, head.place.at}, tapeio::lto::Motion::standing, {to.wrap, to.at});
    return std::max(0.0, fit_[static_cast<std::size_t>(way_of(head.place, to))].of(published));
  }
  [[nodiscard]] double read(const Place& begin, const Place& end) const {
    return std::abs(span().travel(begin, end)) / positioning_.read_speed_mps();
  }
  [[nodiscard]] double gap(const Place& from, const Place& to) const;
  [[nodiscard]] LeastTime least(Way way) const {
    const LeastTime least = least_of(positioning_.motion(), way);
    const LineFit& line = fit_[static_cast<std::size_t>(way)];
    const double per_unit = line.scale * least.per_unit;
    if (way == Way::ahead) {
      return {least.base, std::min(per_unit, 1 / positioning_.read_speed_mps())};
    }
    return {line.of(least.base), per_unit};
  }
  [[nodiscard]] const tapeio::lto::Positioning& positioning() const { return positioning_; }
  [[nodiscard]] WrapSpan span() const {
    const double low = positioning_.load_point().metres;
    return {low, low + positioning_.usable_m()};
  }

 private:
  tapeio::lto::Positioning positioning_;
  LocateFit fit_;
};

}  // namespace mixtape::order
