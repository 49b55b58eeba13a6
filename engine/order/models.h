// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <variant>

#include "engine/order/lto_drive.h"
#include "engine/order/request.h"
#include "engine/order/serpentine.h"
#include "tapeio/lto/motion.h"

// How long a drive needs: the models by which orders are judged. Each has the same few members, so
// that the search is compiled once for each and asks without a detour:
//
//   locate(from, to)   seconds from the end of one read to the beginning of the next
//   first(head, to)    the same from where the head is now
//   read(begin, end)   seconds of reading an extent
//   gap(from, to)      seconds of reading on over what lies between; infinity if that is not ahead
//   least(way)         no locate of this kind is quicker than base + per_unit * distance along the
//                      tape, whatever the wraps
//
// The formulas of ContestDrive and CtaRegression are others' publications and are kept to the
// letter, also where they leave physics: CtaRegression gives less than no time to a short step over
// the middle of the tape.
//
// Threads: values.
// Cost:    a locate is one square root, inline.

namespace mixtape::order {

// The drive of a public contest of 2024, like an LTO-9 but slower: 280 wraps of 730,994 LPOS.
class ContestDrive {
 public:
  static constexpr double kLandingSeconds = 2;  // Read before each target; the least of a locate.
  [[nodiscard]] double locate(const Place& from, const Place& to) const {
    const double x = (to.at - from.at) * tapeio::lto::direction_of(from.wrap);
    const double change =
        kSecondsPerWrap * std::abs(static_cast<double>(from.wrap) - static_cast<double>(to.wrap));
    if ((from.wrap ^ to.wrap) % 2 != 0) {
      return motion_.opposite(x) + change;
    }
    if (x > 0 && x <= motion_.land()) {
      return x / kReadSpeed;  // Goes on reading, also on another wrap.
    }
    return motion_.same_direction(x) + change;
  }
  [[nodiscard]] double first(const Head& head, const Place& to) const {
    if (head.moving) {
      return locate(head.place, to);
    }
    // Published up to 0.5 s otherwise for targets just ahead of a head at rest.
    return motion_.from_rest((to.at - head.place.at) * tapeio::lto::direction_of(to.wrap));
  }
  [[nodiscard]] double read(const Place& begin, const Place& end) const {
    return std::abs(kSpan.travel(begin, end)) / kReadSpeed;
  }
  [[nodiscard]] double gap(const Place& from, const Place& to) const;
  [[nodiscard]] LeastTime least(Way way) const { return least_of(motion_, way); }

 private:
  static constexpr WrapSpan kSpan{0, 730'994};
  static constexpr double kReadSpeed = 730'994 / 800.0;
  static constexpr double kLocateSpeed = 4 * kReadSpeed;
  static constexpr double kSecondsPerWrap = 0.003;
  tapeio::lto::SerpentineMotion motion_{{.read_speed = kReadSpeed,
                                         .locate_speed = kLocateSpeed,
                                         .acceleration = kLocateSpeed / 10,
                                         .landing_s = kLandingSeconds,
                                         .dwell_s = 0.5}};
};

// The regression over measured locates by which CERN's tape archive orders on LTO-8 drives: LTO-7
// media written as M8, 168 wraps, LPOS 2,696 to 171,097.
class CtaRegression {
 public:
  static constexpr double kConstantSeconds = 4.29;  // Of any locate, before what it depends on.
  [[nodiscard]] double locate(const Place& from, const Place& to) const {
    double seconds = kConstantSeconds + kSecondsPerLpos * std::abs(to.at - from.at);
    if (from.wrap != to.wrap) {
      seconds += kOtherWrap;
      seconds += from.wrap / kWrapsPerBand != to.wrap / kWrapsPerBand ? 3.2 : 0;
      seconds += (from.wrap ^ to.wrap) % 2 != 0 ? kTurn : 0;
    } else if ((to.at - from.at) * tapeio::lto::direction_of(from.wrap) < 0) {
      seconds += 11.32;
    }
    return seconds - ((from.at < kMiddle) != (to.at < kMiddle) ? kLessOverMiddle : 0);
  }
  [[nodiscard]] double first(const Head& head, const Place& to) const {
    return locate(head.place, to);
  }
  [[nodiscard]] double read(const Place& begin, const Place& end) const {
    return std::abs(kSpan.travel(begin, end)) / kReadSpeed;
  }
  [[nodiscard]] double gap(const Place& from, const Place& to) const;
  [[nodiscard]] LeastTime least(Way way) const {
    const double more = way == Way::ahead ? 0 : kOtherWrap + (way == Way::across ? kTurn : 0);
    return {kConstantSeconds - kLessOverMiddle + more, kSecondsPerLpos};
  }

 private:
  static constexpr WrapSpan kSpan{2'696, 171'097};
  static constexpr double kMiddle = (171'097 - 2'696) / 2.0;
  static constexpr double kReadSpeed = (171'097 - 2'696) / 179.0;  // A wrap at the native rate.
  static constexpr double kSecondsPerLpos = 0.0006192;
  static constexpr double kOtherWrap = 6.69;  // Less than the 11.32 s of a step back on one.
  static constexpr double kTurn = 5.22;
  static constexpr double kLessOverMiddle = 6.04;
  static constexpr std::uint32_t kWrapsPerBand = 168 / 4;
};

// One track that is read towards higher distances; each change of direction costs the same. The
// wrap is of no account.
class LinearTape {
 public:
  explicit LinearTape(double turn_s = 0) : turn_s_(turn_s) {}
  [[nodiscard]] double locate(const Place& from, const Place& to) const {
    const double x = to.at - from.at;
    return x >= 0 ? x : 2 * turn_s_ - x;
  }
  // A head at rest may go either way; it turns once to read what lies behind it.
  [[nodiscard]] double first(const Head& head, const Place& to) const {
    const double x = to.at - head.place.at;
    return x >= 0 ? x : (head.moving ? 2 : 1) * turn_s_ - x;
  }
  [[nodiscard]] double read(const Place& begin, const Place& end) const {
    return std::abs(end.at - begin.at);
  }
  [[nodiscard]] double gap(const Place& from, const Place& to) const;
  [[nodiscard]] LeastTime least(Way) const { return {0, 1}; }
  [[nodiscard]] double turn_seconds() const { return turn_s_; }

 private:
  double turn_s_;
};

using Model = std::variant<ContestDrive, CtaRegression, LinearTape, LtoDrive>;

// contest, cta, linear, lto5 to lto10. Error{invalid} that lists them for another name.
[[nodiscard]] Model model_named(std::string_view name, double turn_s = 0);

// What check() of a batch does, and what only this model can say: a place beyond the tape, an
// extent that runs backwards. Error{invalid}.
void check(const Model& model, const Batch& batch);

[[nodiscard]] double locate_seconds(const Model& model, const Place& from, const Place& to);
[[nodiscard]] double first_seconds(const Model& model, const Head& head, const Place& to);
[[nodiscard]] double read_seconds(const Model& model, const Place& begin, const Place& end);
[[nodiscard]] double gap_seconds(const Model& model, const Place& from, const Place& to);

}  // namespace mixtape::order
