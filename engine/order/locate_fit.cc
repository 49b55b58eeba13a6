// SPDX-License-Identifier: Apache-2.0
#include "engine/order/locate_fit.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace mixtape::order {
namespace {

// Beyond these a drive is not the one that the model is of, whatever was measured.
constexpr double kLeastScale = 0.5, kMostScale = 2;
constexpr double kMostOffset = 60;
// Predictions that are nearer to each other say nothing of a slope.
constexpr double kApart = 1;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) {
    return *middle;
  }
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double slope_of(const std::vector<LocateSample>& samples) {
  std::vector<double> slopes;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t j = i + 1; j < samples.size(); ++j) {
      const double run = samples[j].predicted_s - samples[i].predicted_s;
      if (std::abs(run) >= kApart) {
        slopes.push_back((samples[j].actual_s - samples[i].actual_s) / run);
      }
    }
  }
  return slopes.size() < kLeastForScale ? 1 : std::clamp(median(slopes), kLeastScale, kMostScale);
}

double mean_error(const std::vector<LocateSample>& samples, const LineFit& line) {
  double sum = 0;
  for (const LocateSample& sample : samples) {
    sum += std::abs(sample.actual_s - line.of(sample.predicted_s));
  }
  return sum / static_cast<double>(samples.size());
}

LineFit fit(const std::vector<LocateSample>& samples) {
  LineFit line;
  line.samples = samples.size();
  if (samples.empty()) {
    return line;
  }
  line.error_before_s = mean_error(samples, line);
  if (samples.size() >= kLeastForScale) {
    line.scale = slope_of(samples);
  }
  if (samples.size() >= kLeastForOffset) {
    std::vector<double> rests;
    for (const LocateSample& sample : samples) {
      rests.push_back(sample.actual_s - line.scale * sample.predicted_s);
    }
    line.offset_s = std::clamp(median(rests), -kMostOffset, kMostOffset);
  }
  line.error_s = mean_error(samples, line);
  return line;
}

}  // namespace

LocateFit fit_locates(std::span<const LocateSample> samples) {
  LocateFit fitted;
  for (std::size_t way = 0; way < kWays; ++way) {
    std::vector<LocateSample> of_way;
    for (const LocateSample& sample : samples) {
      const bool is_sane = std::isfinite(sample.predicted_s) && std::isfinite(sample.actual_s);
      if (is_sane && static_cast<std::size_t>(sample.way) == way && of_way.size() < kMostSamples) {
        of_way.push_back(sample);
      }
    }
    fitted[way] = fit(of_way);
  }
  return fitted;
}

}  // namespace mixtape::order
