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

SerpentineMotion::Figures motion_of(const GenerationFigures& figures, const MotionTerms& terms) {
  const double wrap_seconds =
      static_cast<double>(figures.native_bytes) / figures.wraps() / figures.native_rate;
  return {.read_speed = kUsable * figures.length_m / wrap_seconds,
          .locate_speed = figures.locate_speed_mps,
          .acceleration = figures.locate_speed_mps / terms.ramp_s,
          .landing_s = terms.landing_s,
          .dwell_s = terms.dwell_s};
}

}  // namespace

Positioning::Positioning(const GenerationFigures& figures, MotionTerms terms)
    : figures_(figures),
      terms_(terms),
      lead_m_(kLead * figures.length_m),
      usable_m_(kUsable * figures.length_m),
      motion_(motion_of(figures, terms)) {}

double Positioning::locate_from_stand(TapePoint from, TapePoint to) const {
  const double head = from.metres - direction_of(from.wrap) * motion_.run_up();
  return motion_.from_rest((to.metres - head) * direction_of(to.wrap));
}

double Positioning::reposition_seconds() const {
  return motion_.same_direction(0);
}

double Positioning::rewind_seconds(TapePoint from, Motion motion) const {
  const double run_up = motion_.run_up();
  const double begin = lead_m_ - run_up;
  const double speed = figures_.rewind_speed_mps;
  if (motion == Motion::standing) {
    const double head = from.metres - direction_of(from.wrap) * run_up;
    return motion_.move(std::abs(head - begin), 0, 0, speed);
  }
  const double way = std::max(0.0, from.metres - begin);
  if (direction_of(from.wrap) > 0) {
    return motion_.halt_seconds() + motion_.move(way + motion_.stop(), 0, 0, speed);
  }
  return motion_.move(way, std::min(motion_.figures().read_speed, speed), 0, speed);
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
