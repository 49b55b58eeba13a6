// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/tape_model.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "engine/order/merge.h"
#include "tapeio/error.h"
#include "tapeio/lto/generation.h"

namespace mixtape::recall {
namespace {

using tapeio::lto::kNewestGeneration;
using tapeio::lto::kOldestGeneration;

// Of what nothing else is known; near enough to a disk and to a tape of these days.
constexpr double kLineBytesPerSecond = 200e6;
// The longest gap on a line that is read through instead of located over. On a disk a locate costs
// nothing, on a tape of which nothing is known as much as a gigabyte. 64 MiB is dear to neither.
constexpr std::uint64_t kReadThrough = 64 * MiB;

// SSC-5 density codes of LTO formats; M8 is written by LTO-8 drives and wound as they wind.
constexpr std::array<std::pair<std::uint8_t, unsigned>, 7> kDensities{
    {{0x58, 5}, {0x5A, 6}, {0x5C, 7}, {0x5D, 8}, {0x5E, 8}, {0x60, 9}, {0x62, 10}}};

std::optional<unsigned> generation_of_density(std::uint8_t density) {
  for (const auto& [code, generation] : kDensities) {
    if (code == density) {
      return generation;
    }
  }
  return std::nullopt;
}

// What a drive may fail to say is not known.
template <typename Ask>
auto asked(const char* what, Ask ask) -> decltype(ask()) {
  try {
    return ask();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::cancelled) {
      throw;
    }
    spdlog::debug("recall: ask the drive for {}: {}", what, error.what());
    return {};
  }
}

std::optional<unsigned> generation_of(const tapeio::DriveFeatures& has, std::string_view label) {
  if (has.memory != nullptr) {
    const auto density =
        asked("the density of the medium", [&] { return has.memory->wear().density; });
    if (const auto generation = density ? generation_of_density(*density) : std::nullopt) {
      return generation;
    }
  }
  if (const auto generation = tapeio::lto::generation_of_barcode(label)) {
    return generation;
  }
  return generation_of_product(has.identity->product);
}

std::uint64_t capacity_of(tapeio::TapeDrive& drive, const tapeio::DriveFeatures& has) {
  if (has.space != nullptr) {
    const auto space = asked("the capacity of the medium", [&] { return has.space->remaining(); });
    if (space) {
      return space->capacity_bytes;
    }
  }
  const auto medium = asked("the medium", [&] { return drive.medium(); });
  return medium ? medium->capacity_bytes.value_or(0) : 0;
}

std::uint64_t blocks_per_wrap(std::uint64_t capacity_bytes, unsigned wraps,
                              std::uint64_t record_size) {
  return capacity_bytes / wraps / std::max<std::uint64_t>(1, record_size);
}

}  // namespace

std::optional<unsigned> generation_of_product(std::string_view product) {
  std::string text(product);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (const std::string_view mark : {"LTO-", "ULTRIUM ", "-TD", "-HH", "-TH", "LTO"}) {
    const std::size_t at = text.find(mark);
    if (at == std::string::npos) {
      continue;
    }
    unsigned number = 0;
    for (std::size_t i = at + mark.size(); i < text.size() && i < at + mark.size() + 2; ++i) {
      if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) {
        break;
      }
      number = 10 * number + static_cast<unsigned>(text[i] - '0');
    }
    if (number >= kOldestGeneration && number <= kNewestGeneration) {
      return number;
    }
  }
  return std::nullopt;
}

TapeModel::TapeModel(std::uint64_t record_size)
    : times_(order::LinearTape{}),
      seconds_per_block_(static_cast<double>(record_size) / kLineBytesPerSecond),
      record_size_(std::max<std::uint64_t>(1, record_size)),
      name_("a line") {}

TapeModel::TapeModel(unsigned generation, order::WrapMap wraps)
    : times_(order::LtoDrive(generation)),
      wraps_(std::move(wraps)),
      drive_{.name = {}, .generation = generation},
      name_(tapeio::lto::figures_of(generation).name) {}

TapeModel TapeModel::of_generation(unsigned generation, std::uint64_t capacity_bytes,
                                   std::uint64_t record_size) {
  const unsigned wraps = tapeio::lto::figures_of(generation).wraps();
  const std::uint64_t each = blocks_per_wrap(capacity_bytes, wraps, record_size);
  if (each == 0) {
    return TapeModel(record_size);
  }
  std::vector<std::uint64_t> ends;
  for (unsigned wrap = 1; wrap <= wraps; ++wrap) {
    ends.push_back(wrap * each - 1);
  }
  return {generation, order::WrapMap(std::move(ends), order::LtoDrive(generation).span(), each)};
}

void TapeModel::learn(const order::LocateFit& fit) {
  times_ = order::LtoDrive(drive_.generation, {}, fit);
}

order::LocateSample TapeModel::sample(std::uint64_t from, std::uint64_t to, double took_s) const {
  const order::LtoDrive published(drive_.generation);
  const order::Place begin = at(from);
  const order::Place end = at(to);
  return {.way = order::way_of(begin, end),
          .predicted_s = published.locate(begin, end),
          .actual_s = took_s};
}

TapeModel TapeModel::of(tapeio::TapeDrive& drive, std::string_view label,
                        std::uint64_t record_size) {
  const tapeio::DriveFeatures has = asked("its features", [&] { return drive.features(); });
  if (!has.identity) {
    return TapeModel(record_size);
  }
  const auto generation = generation_of(has, label);
  if (!generation) {
    return TapeModel(record_size);
  }
  TapeModel tape = of_features(drive, has, *generation, record_size);
  tape.drive_.name = has.identity->serial.empty() ? has.identity->product : has.identity->serial;
  return tape;
}

TapeModel TapeModel::of_features(tapeio::TapeDrive& drive, const tapeio::DriveFeatures& has,
                                 unsigned generation, std::uint64_t record_size) {
  const std::uint64_t capacity = capacity_of(drive, has);
  std::vector<std::uint64_t> ends;
  if (has.wraps != nullptr) {
    ends = asked("the ends of its wraps", [&] { return has.wraps->ends_of_wraps(); });
  }
  const unsigned wraps = tapeio::lto::figures_of(generation).wraps();
  if (ends.empty() || ends.size() > wraps) {
    return of_generation(generation, capacity, record_size);
  }
  try {
    return {generation, order::WrapMap(std::move(ends), order::LtoDrive(generation).span(),
                                       blocks_per_wrap(capacity, wraps, record_size))};
  } catch (const Error& error) {
    spdlog::debug("recall: {}", error.what());
    return of_generation(generation, capacity, record_size);
  }
}

order::Place TapeModel::at(std::uint64_t block) const {
  if (wraps_) {
    return wraps_->at(block);
  }
  return {.wrap = 0,
          .at = std::min(static_cast<double>(block) * seconds_per_block_, order::kFarthest)};
}

bool TapeModel::reads_through(std::uint64_t from, std::uint64_t to) const {
  if (to < from) {
    return false;
  }
  return wraps_ ? order::reads_through(times_, at(from), at(to))
                : to - from <= kReadThrough / record_size_;
}

}  // namespace mixtape::recall
