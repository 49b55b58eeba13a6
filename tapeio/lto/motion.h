// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

// The physics of a serpentine tape that is positioned: a reel with one acceleration and one highest
// speed, which reads a short stretch before each target. What changing the wrap costs, and when a
// head just goes on reading, is the business of whoever knows the drive.
//
//   mv(d, u, w)   least time for the distance d with speeds u at its begin and w at its end
//   stop = r^2 / 2a, land = r * landing   (r: read speed, a: acceleration)
//
// From a streaming head; x = signed distance to the target in the direction of the wrap it is on:
//   same direction, x > land       mv(x - land, r, r) + landing
//   same direction, else           r/a + dwell + mv(2 stop + land - x, 0, 0) + dwell + r/a +
//                                  landing
//   opposite, x >= -land           mv(x + land + stop, r, 0) + dwell + r/a + landing
//   opposite, x < -land            r/a + dwell + mv(stop - x - land, 0, r) + landing
//
// Units:   seconds; any unit of length, the same throughout.
// Threads: values.
// Cost:    one square root a question, all of it inline: the order of recall asks it millions of
//          times.

namespace mixtape::tapeio::lto {

class SerpentineMotion {
 public:
  struct Figures {
    double read_speed, locate_speed, acceleration, landing_s, dwell_s;
  };

  explicit SerpentineMotion(const Figures& figures)
      : figures_(figures),
        seconds_per_speed_(1 / figures.acceleration),
        stop_(figures.read_speed * figures.read_speed / (2 * figures.acceleration)),
        land_(figures.read_speed * figures.landing_s) {}

  [[nodiscard]] const Figures& figures() const { return figures_; }
  // The way in which a reading tape stops, and the one that is read before a target.
  [[nodiscard]] double stop() const { return stop_; }
  [[nodiscard]] double land() const { return land_; }
  // A head at rest must be so far before its target to read it.
  [[nodiscard]] double run_up() const { return stop_ + land_; }
  // From rest to the target, run-up and landing.
  [[nodiscard]] double start_seconds() const {
    return figures_.read_speed * seconds_per_speed_ + figures_.landing_s;
  }
  // From reading to rest, and the reversal.
  [[nodiscard]] double halt_seconds() const {
    return figures_.read_speed * seconds_per_speed_ + figures_.dwell_s;
  }

  // mv with a highest speed of its own.
  [[nodiscard]] double move(double distance, double begin, double end, double cap) const {
    // Never below either end: a way that is too short for its braking is braked a little harder.
    const double squares = begin * begin + end * end;
    const double fastest_end = std::max(begin, end);
    const double peak_square =
        std::max(figures_.acceleration * distance + squares / 2, fastest_end * fastest_end);
    if (peak_square <= cap * cap) {
      return (2 * std::sqrt(peak_square) - begin - end) * seconds_per_speed_;
    }
    const double ramps = (cap * cap - squares / 2) * seconds_per_speed_;
    return (2 * cap - begin - end) * seconds_per_speed_ + std::max(0.0, distance - ramps) / cap;
  }
  [[nodiscard]] double move(double distance, double begin, double end) const {
    return move(distance, begin, end, figures_.locate_speed);
  }

  [[nodiscard]] double same_direction(double x) const {
    const double read = figures_.read_speed;
    if (x > land_) {
      return move(x - land_, read, read) + figures_.landing_s;
    }
    return halt_seconds() + move(2 * stop_ + land_ - x, 0, 0) + figures_.dwell_s + start_seconds();
  }
  [[nodiscard]] double opposite(double x) const {
    const double read = figures_.read_speed;
    if (x >= -land_) {
      return move(x + land_ + stop_, read, 0) + figures_.dwell_s + start_seconds();
    }
    return halt_seconds() + move(stop_ - x - land_, 0, read) + figures_.landing_s;
  }
  // From a head at rest; x in the direction of the target's wrap.
  [[nodiscard]] double from_rest(double x) const {
    if (x >= run_up()) {
      return move(x - land_, 0, figures_.read_speed) + figures_.landing_s;
    }
    return move(run_up() - x, 0, 0) + figures_.dwell_s + start_seconds();
  }

  // What the three kinds of locate take at least, besides distance / locate speed.
  [[nodiscard]] double least_behind() const {
    return halt_seconds() + figures_.dwell_s + start_seconds();
  }
  [[nodiscard]] double least_opposite() const {
    const double late = land_ / figures_.locate_speed;  // A distance that it may read instead.
    return std::min(figures_.dwell_s + start_seconds(), halt_seconds() + figures_.landing_s) - late;
  }

 private:
  Figures figures_;
  double seconds_per_speed_;  // 1 / acceleration.
  double stop_, land_;
};

}  // namespace mixtape::tapeio::lto
