// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/positioning.h"

#include <algorithm>
#include <cmath>

namespace mixtape::tapeio::lto {
namespace {

// Of the tape's length, this carries data; the rest is shared by its two ends.
constexpr double kUsable = 0.97;
constexpr double kLead = (1 - kUsable) / 2;
// IBM's limits of activity for LTO-9's longer unload.
constexpr double kLittleActivity = 5e9;
constexpr double kSomeActivity = 50e9;
constexpr double kMostDeviation = 0.03;
// Places in which a mean is taken: the times are nearly linear between them.
constexpr int kSamples = 200;

// +1 away from the beginning of the tape, -1 towards it.
double direction_of(std::uint32_t wrap) {
  return wrap % 2 == 0 ? 1 : -1;
}

}  // namespace

Positioning::Positioning(const GenerationFigures& figures, MotionTerms terms)
    : figures_(figures), terms_(terms) {
  usable_m_ = kUsable * figures_.length_m;
  lead_m_ = kLead * figures_.length_m;
  const double wrap_seconds =
      static_cast<double>(figures_.native_bytes) / figures_.wraps() / figures_.native_rate;
  read_mps_ = usable_m_ / wrap_seconds;
  acceleration_ = figures_.locate_speed_mps / terms_.ramp_s;
  stop_m_ = read_mps_ * read_mps_ / (2 * acceleration_);
  land_m_ = read_mps_ * terms_.landing_s;
}

double Positioning::move(double distance, double begin, double end, double cap) const {
  const double squares = begin * begin + end * end;
  // Never below either end: a way that is too short for its braking is braked a little harder.
  const double peak =
      std::max({std::sqrt((2 * acceleration_ * distance + squares) / 2), begin, end});
  if (peak <= cap) {
    return (2 * peak - begin - end) / acceleration_;
  }
  const double ramps = (2 * cap * cap - squares) / (2 * acceleration_);
  return (2 * cap - begin - end) / acceleration_ + std::max(0.0, distance - ramps) / cap;
}

double Positioning::change_seconds(TapePoint from, TapePoint to) const {
  if (from.wrap == to.wrap) {
    return 0;
  }
  const bool same_band = from.wrap / figures_.wraps_per_band == to.wrap / figures_.wraps_per_band;
  return terms_.wrap_s + (same_band ? 0 : terms_.band_s);
}

double Positioning::locate_from_stand(TapePoint from, TapePoint to) const {
  const double run_up = stop_m_ + land_m_;
  const double head = from.metres - direction_of(from.wrap) * run_up;
  const double ahead = (to.metres - head) * direction_of(to.wrap);
  const double speed = figures_.locate_speed_mps;
  if (ahead >= run_up) {
    return move(ahead - land_m_, 0, read_mps_, speed) + terms_.landing_s;
  }
  return move(run_up - ahead, 0, 0, speed) + terms_.dwell_s + start_seconds();
}

double Positioning::locate_seconds(TapePoint from, Motion motion, TapePoint to) const {
  const double change = change_seconds(from, to);
  if (motion == Motion::standing) {
    return locate_from_stand(from, to) + change;
  }
  const double speed = figures_.locate_speed_mps;
  const double halt = read_mps_ / acceleration_ + terms_.dwell_s;
  const double x = (to.metres - from.metres) * direction_of(from.wrap);
  if (direction_of(from.wrap) == direction_of(to.wrap)) {
    if (from.wrap == to.wrap && x >= 0 && x <= land_m_) {
      return x / read_mps_;
    }
    if (x > land_m_) {
      return move(x - land_m_, read_mps_, read_mps_, speed) + terms_.landing_s + change;
    }
    return halt + move(2 * stop_m_ + land_m_ - x, 0, 0, speed) + terms_.dwell_s + start_seconds() +
           change;
  }
  if (x >= -land_m_) {
    return move(x + land_m_ + stop_m_, read_mps_, 0, speed) + terms_.dwell_s + start_seconds() +
           change;
  }
  return halt + move(stop_m_ - x - land_m_, 0, read_mps_, speed) + terms_.landing_s + change;
}

double Positioning::reposition_seconds() const {
  return 2 * read_mps_ / acceleration_ + 2 * terms_.dwell_s + terms_.landing_s +
         move(2 * stop_m_ + land_m_, 0, 0, figures_.locate_speed_mps);
}

double Positioning::rewind_seconds(TapePoint from, Motion motion) const {
  const double run_up = stop_m_ + land_m_;
  const double begin = lead_m_ - run_up;
  const double speed = figures_.rewind_speed_mps;
  if (motion == Motion::standing) {
    const double head = from.metres - direction_of(from.wrap) * run_up;
    return move(std::abs(head - begin), 0, 0, speed);
  }
  const double way = std::max(0.0, from.metres - begin);
  if (direction_of(from.wrap) > 0) {
    return read_mps_ / acceleration_ + terms_.dwell_s + move(way + stop_m_, 0, 0, speed);
  }
  return move(way, std::min(read_mps_, speed), 0, speed);
}

double Positioning::unload_seconds(TapePoint from, Motion motion, double moved_bytes) const {
  const double rewind = rewind_seconds(from, motion) + figures_.unload_s;
  if (!figures_.rewinds_more_when_used || moved_bytes < kLittleActivity) {
    return rewind;
  }
  return rewind + figures_.mean_rewind_s * (moved_bytes < kSomeActivity ? 1 : 2);
}

double Positioning::mean_locate_seconds() const {
  double sum = 0;
  for (std::uint32_t wrap = 0; wrap < figures_.wraps(); ++wrap) {
    for (int sample = 0; sample < kSamples; ++sample) {
      const double metres = lead_m_ + usable_m_ * (sample + 0.5) / kSamples;
      sum += locate_seconds(load_point(), Motion::standing, {wrap, metres});
    }
  }
  return sum / (kSamples * figures_.wraps());
}

double Positioning::mean_rewind_seconds() const {
  double sum = 0;
  for (std::uint32_t wrap = 0; wrap < 2; ++wrap) {
    for (int sample = 0; sample < kSamples; ++sample) {
      const double metres = lead_m_ + usable_m_ * (sample + 0.5) / kSamples;
      sum += rewind_seconds({wrap, metres}, Motion::streaming);
    }
  }
  return sum / (2 * kSamples);
}

CartridgeGeometry::CartridgeGeometry(const GenerationFigures& figures, double host_bytes)
    : bytes_per_wrap_(host_bytes / figures.wraps()),
      wraps_(figures.wraps()),
      lead_m_(kLead * figures.length_m),
      usable_m_(kUsable * figures.length_m) {}

TapePoint CartridgeGeometry::at(std::uint64_t offset) const {
  const double wraps = static_cast<double>(offset) / bytes_per_wrap_;
  // A filemark behind the end lies at the end of the last wrap.
  const double last = static_cast<double>(wraps_ - 1);
  const double wrap = std::min(std::floor(wraps), last);
  const double along = std::min(wraps - wrap, 1.0);
  const auto number = static_cast<std::uint32_t>(wrap);
  return {number, lead_m_ + usable_m_ * (direction_of(number) > 0 ? along : 1 - along)};
}

double capacity_deviation(std::string_view label) {
  // FNV-1a with a last mixing (Murmur3's), so that labels that differ in one digit differ widely.
  std::uint64_t hash = 14695981039346656037u;
  for (const char character : label) {
    hash = (hash ^ static_cast<unsigned char>(character)) * 1099511628211u;
  }
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
  hash ^= hash >> 33;
  const double unit = static_cast<double>(hash >> 11) / 9007199254740992.0;  // 2^53.
  return kMostDeviation * (2 * unit - 1);
}

}  // namespace mixtape::tapeio::lto
