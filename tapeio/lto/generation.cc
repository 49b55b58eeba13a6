// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/generation.h"

#include <string>

#include "tapeio/error.h"

namespace mixtape::tapeio::lto {
namespace {

constexpr double kMega = 1e6;
constexpr std::uint64_t kGiga = 1'000'000'000;

// Speeds are rounded to what the model needs to meet the published means
// (tests/lto/positioning_test.cc holds it to that).
constexpr GenerationFigures kGenerations[] = {
    {.number = 5,
     .name = "LTO-5",
     .native_bytes = 1500 * kGiga,
     .length_m = 846,
     .bands = 4,
     .wraps_per_band = 20,
     .native_rate = 140 * kMega,
     .lowest_rate = 40 * kMega,
     .drive_buffer_bytes = 512 * kGiga / 1000,
     .load_s = 12,
     .unload_s = 17,
     .mean_locate_s = 60,
     .mean_rewind_s = 0,
     .locate_speed_mps = 8.10,
     .rewind_speed_mps = 8.10,
     .rewinds_more_when_used = false,
     .reads_back = 2,
     .writes_back = 1,
     .initialises = false,
     .recommends_order = false},
    {.number = 6,
     .name = "LTO-6",
     .native_bytes = 2500 * kGiga,
     .length_m = 846,
     .bands = 4,
     .wraps_per_band = 34,
     .native_rate = 160 * kMega,
     .lowest_rate = 40 * kMega,
     .drive_buffer_bytes = kGiga,
     .load_s = 12,
     .unload_s = 17,
     .mean_locate_s = 62,
     .mean_rewind_s = 0,
     .locate_speed_mps = 7.93,
     .rewind_speed_mps = 7.93,
     .rewinds_more_when_used = false,
     .reads_back = 2,
     .writes_back = 1,
     .initialises = false,
     .recommends_order = false},
    {.number = 7,
     .name = "LTO-7",
     .native_bytes = 6000 * kGiga,
     .length_m = 960,
     .bands = 4,
     .wraps_per_band = 28,
     .native_rate = 300 * kMega,
     .lowest_rate = 101.46 * kMega,
     .drive_buffer_bytes = kGiga,
     .load_s = 15,
     .unload_s = 20,
     .mean_locate_s = 56,
     .mean_rewind_s = 60,
     .locate_speed_mps = 9.73,
     .rewind_speed_mps = 8.43,
     .rewinds_more_when_used = false,
     .reads_back = 2,
     .writes_back = 1,
     .initialises = false,
     .recommends_order = false},
    {.number = 8,
     .name = "LTO-8",
     .native_bytes = 12000 * kGiga,
     .length_m = 960,
     .bands = 4,
     .wraps_per_band = 52,
     .native_rate = 360 * kMega,
     .lowest_rate = 112 * kMega,
     .drive_buffer_bytes = kGiga,
     .load_s = 15,
     .unload_s = 24,
     .mean_locate_s = 59,
     .mean_rewind_s = 59,
     .locate_speed_mps = 9.24,
     .rewind_speed_mps = 8.68,
     .rewinds_more_when_used = false,
     .reads_back = 1,
     .writes_back = 1,
     .initialises = false,
     .recommends_order = false},
    {.number = 9,
     .name = "LTO-9",
     .native_bytes = 18000 * kGiga,
     .length_m = 1035,
     .bands = 4,
     .wraps_per_band = 70,
     .native_rate = 400 * kMega,
     .lowest_rate = 177 * kMega,
     .drive_buffer_bytes = kGiga,
     .load_s = 17,
     .unload_s = 30,
     .mean_locate_s = 45,
     .mean_rewind_s = 55,
     .locate_speed_mps = 13.50,
     .rewind_speed_mps = 9.90,
     .rewinds_more_when_used = true,
     .reads_back = 1,
     .writes_back = 1,
     .initialises = true,
     .recommends_order = true},
    {.number = 10,
     .name = "LTO-10",
     .native_bytes = 30000 * kGiga,
     .length_m = 1035,
     .bands = 4,
     .wraps_per_band = 110,
     .native_rate = 400 * kMega,
     .lowest_rate = 177 * kMega,
     .drive_buffer_bytes = kGiga,
     .load_s = 12,
     .unload_s = 27,
     .mean_locate_s = 65,
     .mean_rewind_s = 62,
     .locate_speed_mps = 8.93,
     .rewind_speed_mps = 8.89,
     .rewinds_more_when_used = false,
     .reads_back = 0,
     .writes_back = 0,
     .initialises = false,
     .recommends_order = true},
};

// IBM's list for LTO-9, full height, below its native rate.
constexpr double kSpeedsOfLto9[] = {385, 366, 347, 325, 305, 284, 263, 244, 223, 203, 177};
constexpr unsigned kSteps = 12;

constexpr std::size_t kBarcodeWithType = 8;  // Six of the user's, two of the media type.

template <typename Fits>
std::string names_of(Fits fits) {
  std::vector<std::string> names;
  for (const GenerationFigures& each : kGenerations) {
    if (fits(each.number)) {
      names.emplace_back(each.name);
    }
  }
  std::string text;
  for (std::size_t index = 0; index < names.size(); ++index) {
    const bool is_last = index + 1 == names.size();
    text += (index == 0 ? "" : is_last ? " or " : ", ") + names[index];
  }
  return text;
}

}  // namespace

const GenerationFigures& figures_of(unsigned generation) {
  if (generation < kOldestGeneration || generation > kNewestGeneration) {
    throw Error(ErrorCode::unsupported, "simulate LTO generation " + std::to_string(generation) +
                                            ": known are generations 5 to 10");
  }
  return kGenerations[generation - kOldestGeneration];
}

std::optional<unsigned> generation_of_barcode(std::string_view label) {
  if (label.size() != kBarcodeWithType || label[kBarcodeWithType - 2] != 'L') {
    return std::nullopt;
  }
  const char type = label.back();
  if (type == 'A') {
    return 10;
  }
  const unsigned generation = type >= '5' && type <= '9' ? static_cast<unsigned>(type - '0') : 0;
  return generation == 0 ? std::nullopt : std::optional(generation);
}

Fit fit_of(unsigned drive_generation, unsigned cartridge_generation) {
  const GenerationFigures& drive = figures_of(drive_generation);
  if (cartridge_generation > drive.number) {
    return Fit::none;
  }
  const unsigned back = drive.number - cartridge_generation;
  return back <= drive.writes_back  ? Fit::writes
         : back <= drive.reads_back ? Fit::reads
                                    : Fit::none;
}

std::string drives_for(unsigned cartridge_generation, Fit least) {
  return names_of([&](unsigned drive) { return fit_of(drive, cartridge_generation) >= least; });
}

std::string cartridges_for(unsigned drive_generation, Fit least) {
  return names_of([&](unsigned cartridge) { return fit_of(drive_generation, cartridge) >= least; });
}

std::vector<double> matched_speeds(const GenerationFigures& figures) {
  std::vector<double> speeds = {figures.native_rate};
  if (figures.number == 9) {
    for (const double speed : kSpeedsOfLto9) {
      speeds.push_back(speed * kMega);
    }
    return speeds;
  }
  // Only the ends are published for the others: evenly between them.
  const double step = (figures.native_rate - figures.lowest_rate) / (kSteps - 1);
  for (unsigned index = 1; index < kSteps; ++index) {
    speeds.push_back(figures.native_rate - step * index);
  }
  return speeds;
}

}  // namespace mixtape::tapeio::lto
