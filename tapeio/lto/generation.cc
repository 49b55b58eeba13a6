// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/generation.h"

#include <string>

#include "tapeio/error.h"

namespace mixtape::tapeio::lto {
namespace {

constexpr double kMega = 1e6;
constexpr std::uint64_t kGiga = 1'000'000'000;

// In the order of the members. Speeds are rounded to what the model needs to meet the published
// means (tests/lto/positioning_test.cc holds it to that).
constexpr GenerationFigures kGenerations[] = {
    {5,     "LTO-5", 1500 * kGiga, 846, 4,    20,   140 * kMega, 40 * kMega, 512 * kGiga / 1000,  //
     12,    17,      60,           0,   8.10, 8.10, false,       2,          1,
     false, false},
    {6,  "LTO-6", 2500 * kGiga, 846, 4,    34,   160 * kMega, 40 * kMega, kGiga,  //
     12, 17,      62,           0,   7.93, 7.93, false,       2,          1,     false, false},
    {7,     "LTO-7", 6000 * kGiga, 960, 4,    28,   300 * kMega, 101.46 * kMega,
     kGiga,  //
     15,    20,      56,           60,  9.73, 8.43, false,       2,
     1,     false,   false},
    {8,           "LTO-8",     12000 * kGiga,
     960,         4,           52,
     360 * kMega, 112 * kMega, kGiga,  //
     15,          24,          59,
     59,          9.24,        8.68,
     false,       1,           1,
     false,       false},
    {9,           "LTO-9",     18000 * kGiga,
     1035,        4,           70,
     400 * kMega, 177 * kMega, kGiga,  //
     17,          30,          45,
     55,          13.50,       9.90,
     true,        1,           1,
     true,        true},
    {10,          "LTO-10",    30000 * kGiga,
     1035,        4,           110,
     400 * kMega, 177 * kMega, kGiga,  //
     12,          27,          65,
     62,          8.93,        8.89,
     false,       0,           0,
     false,       true},
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
