// SPDX-License-Identifier: Apache-2.0
#include "engine/service/locate_times.h"

#include <algorithm>
#include <cmath>

namespace mixtape::service {
namespace {

constexpr double kPerSecond = 1000;
constexpr double kMostSeconds = 1e6;  // Fits any number; no locate takes a week.

std::int64_t milliseconds(double seconds) {
  return std::llround(std::clamp(seconds, 0.0, kMostSeconds) * kPerSecond);
}

std::vector<order::LocateSample> samples_of(catalog::Locates& locates,
                                            const catalog::DriveOnTapes& drive) {
  std::vector<order::LocateSample> samples;
  for (const catalog::LocateTime& time : locates.of(drive)) {
    if (time.way < order::kWays) {
      samples.push_back({.way = static_cast<order::Way>(time.way),
                         .predicted_s = static_cast<double>(time.predicted_ms) / kPerSecond,
                         .actual_s = static_cast<double>(time.actual_ms) / kPerSecond});
    }
  }
  return samples;
}

}  // namespace

std::vector<order::LocateSample> known_locates(Context& context, const recall::TimedDrive& drive) {
  catalog::Locates locates(context.database);
  return samples_of(locates, {.drive = drive.name, .generation = drive.generation});
}

void note_locates(Context& context, const recall::TimedDrive& drive,
                  const std::vector<order::LocateSample>& located) {
  std::vector<catalog::LocateTime> times;
  for (const order::LocateSample& sample : located) {
    times.push_back({.way = static_cast<std::uint32_t>(sample.way),
                     .predicted_ms = milliseconds(sample.predicted_s),
                     .actual_ms = milliseconds(sample.actual_s)});
  }
  catalog::Locates(context.database)
      .record({.drive = drive.name, .generation = drive.generation}, times);
}

std::vector<DriveTimes> drive_times(Context& context) {
  catalog::Locates locates(context.database);
  std::vector<DriveTimes> all;
  for (const catalog::DriveOnTapes& drive : locates.drives()) {
    all.push_back({drive, order::fit_locates(samples_of(locates, drive))});
  }
  return all;
}

}  // namespace mixtape::service
