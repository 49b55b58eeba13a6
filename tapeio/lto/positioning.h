// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "tapeio/lto/generation.h"
#include "tapeio/lto/motion.h"

// How long an LTO drive needs to get from one place of the tape to another: a model, pure
// arithmetic, for the simulator and for whoever plans the order of reading.
//
// The tape is written in wraps there and back: even wraps away from the beginning, odd ones towards
// it, a quarter of them in each band. A place is a wrap and a distance along the tape. Time is the
// sum of physical parts, after the published closed form of a serpentine drive (docs/simulator.md):
//
//   a = locate speed / ramp        acceleration, the same everywhere
//   r = read speed                 0.97 length / (time of a wrap at the native rate)
//   change = wrap term when the wrap differs + band term when the band differs
//
// From a streaming head, x = distance to the target in the direction of the wrap it is on:
//   same wrap, 0 <= x <= land      x / r                              it just goes on
//   else                           what tapeio/lto/motion.h says of that direction + change
// A standing head stands one run-up (stop + land) before its place, as load and rewind leave it.
//
// Going on from one wrap to the next costs nothing: the native rate is a whole cartridge's.
// Loading, unloading and their reasons are the generation's figures.
//
// Units:   seconds, metres from the beginning of the tape, bytes of the modelled tape unless said.
// Threads: none needed: values.
// Cost:    some square roots a question.

namespace mixtape::tapeio::lto {

struct TapePoint {
  std::uint32_t wrap = 0;
  double metres = 0;
  bool operator==(const TapePoint&) const = default;
};

enum class Motion {
  standing,   // After load and rewind.
  streaming,  // Reading, writing, or just located.
};

// What no vendor publishes; assumed, and what a fit to real locates would change.
struct MotionTerms {
  double ramp_s = 3;       // From rest to locate speed.
  double landing_s = 1.5;  // Reading the tape's servo and data before the target.
  double dwell_s = 0.5;    // Each reversal.
  double wrap_s = 1;       // The public models say 3 ms a wrap and 6.7 s.
  double band_s = 1;       // The public models say nothing and 3.2 s.
};

class Positioning {
 public:
  explicit Positioning(const GenerationFigures& figures, MotionTerms terms = {});

  // At the beginning of data, where load and rewind leave the head.
  [[nodiscard]] TapePoint load_point() const { return {0, lead_m_}; }
  [[nodiscard]] double usable_m() const { return usable_m_; }
  [[nodiscard]] double read_speed_mps() const { return motion_.figures().read_speed; }
  [[nodiscard]] const SerpentineMotion& motion() const { return motion_; }

  [[nodiscard]] double locate_seconds(TapePoint from, Motion motion, TapePoint to) const;
  // From a stand to the speed of reading, at the place where it stands.
  [[nodiscard]] double start_seconds() const { return motion_.start_seconds(); }
  // Stop, back up and come again: a back-hitch; a locate to where a streaming head is, from behind.
  [[nodiscard]] double reposition_seconds() const;
  [[nodiscard]] double rewind_seconds(TapePoint from, Motion motion) const;
  [[nodiscard]] double load_seconds() const { return figures_.load_s; }
  // With the rewind before it. `moved_bytes`: read and written since the load.
  [[nodiscard]] double unload_seconds(TapePoint from, Motion motion, double moved_bytes) const;
  // At the native rate.
  [[nodiscard]] double transfer_seconds(double bytes) const { return bytes / figures_.native_rate; }

  // What the published means are compared with: from the load point to a random place, and back
  // from a random place, streaming there.
  [[nodiscard]] double mean_locate_seconds() const;
  [[nodiscard]] double mean_rewind_seconds() const;
  [[nodiscard]] const GenerationFigures& figures() const { return figures_; }

 private:
  [[nodiscard]] double change_seconds(TapePoint from, TapePoint to) const {
    if (from.wrap == to.wrap) {
      return 0;
    }
    const bool same_band = from.wrap / figures_.wraps_per_band == to.wrap / figures_.wraps_per_band;
    return terms_.wrap_s + (same_band ? 0 : terms_.band_s);
  }
  [[nodiscard]] double locate_from_stand(TapePoint from, TapePoint to) const;

  GenerationFigures figures_;
  MotionTerms terms_;
  double lead_m_, usable_m_;
  SerpentineMotion motion_;
};

// +1 away from the beginning of the tape, -1 towards it.
[[nodiscard]] inline double direction_of(std::uint32_t wrap) {
  return wrap % 2 == 0 ? 1 : -1;
}

inline double Positioning::locate_seconds(TapePoint from, Motion motion, TapePoint to) const {
  if (motion == Motion::standing) {
    return locate_from_stand(from, to) + change_seconds(from, to);
  }
  const double x = (to.metres - from.metres) * direction_of(from.wrap);
  if ((from.wrap ^ to.wrap) % 2 != 0) {
    return motion_.opposite(x) + change_seconds(from, to);
  }
  if (from.wrap == to.wrap && x >= 0 && x <= motion_.land()) {
    return x / motion_.figures().read_speed;
  }
  return motion_.same_direction(x) + change_seconds(from, to);
}

// Which bytes of a cartridge lie where. A small cartridge stands for a large one: with `scale` s
// each of its bytes is s bytes of the modelled tape, so that a host's gigabyte has all wraps.
class CartridgeGeometry {
 public:
  // `host_bytes`: what fills all wraps, in the host's bytes.
  CartridgeGeometry(const GenerationFigures& figures, double host_bytes);

  // The place of the byte `offset` counted from the beginning of data, in the host's bytes.
  [[nodiscard]] TapePoint at(std::uint64_t offset) const;
  [[nodiscard]] double bytes_per_wrap() const { return bytes_per_wrap_; }
  [[nodiscard]] std::uint32_t wraps() const { return wraps_; }

 private:
  double bytes_per_wrap_;
  std::uint32_t wraps_;
  double lead_m_, usable_m_;
};

// How much more (or less, when negative) than its nominal capacity the cartridge with this label
// takes, as a fraction within +-0.03: no two are alike, and the same label is the same cartridge.
[[nodiscard]] double capacity_deviation(std::string_view label);

}  // namespace mixtape::tapeio::lto
