// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "tapeio/error.h"
#include "tapeio/lto/sim_drive.h"
#include "tapeio/tape_alerts.h"

// What a simulated drive offers besides reading and writing.

namespace mixtape::tapeio::lto {
namespace {

// Density codes of LTO-5 to LTO-9 (SSC-5); the next one continues the row.
constexpr std::uint8_t kDensityOfLto5 = 0x58;
// What the makers of LTFS count on.
constexpr std::size_t kMostRanges = 2700;

struct Stretch {
  TapePoint begin, end;
  std::size_t index;
};

}  // namespace

DriveFeatures SimDrive::features() {
  const GenerationFigures& figures = model_.positioning().figures();
  return {.identity = DriveIdentity{.vendor = "MIXTAPE",
                                    .product = "simulated " + std::string(figures.name),
                                    .revision = "1",
                                    .serial = model_.options().name,
                                    .notes = {"simulated: times are modelled, not measured"}},
          .memory = this,
          .alerts = this,
          .gauges = this,
          .space = this,
          .wraps = this,
          .access_order = figures.recommends_order ? this : nullptr,
          .clock = &model_.clock()};
}

MediumStory SimDrive::story() {
  return require_cartridge("read medium memory").chip.story;
}

void SimDrive::write_story(const MediumStory& story) {
  require_writable("write medium memory");
  Cartridge& cartridge = require_cartridge("write medium memory");
  cartridge.chip.story = as_the_chip_keeps_it(story);
  cartridge.keep(cartridge.chip);
}

MediumWear SimDrive::wear() {
  const Cartridge& cartridge = require_cartridge("read medium memory");
  MediumWear wear{.loads = cartridge.chip.loads,
                  .mebibytes_written_ever = cartridge.chip.bytes_written / MiB,
                  .mebibytes_read_ever = cartridge.chip.bytes_read / MiB,
                  .mebibytes_remaining = std::nullopt,
                  .mebibytes_capacity = std::nullopt,
                  .manufacturer = "SIMULATE",
                  .serial = cartridge.label,
                  .density = static_cast<std::uint8_t>(
                      kDensityOfLto5 + 2 * (cartridge.chip.generation - kOldestGeneration))};
  if (const std::optional<RemainingSpace> space = remaining()) {
    wear.mebibytes_remaining = space->remaining_bytes / MiB;
    wear.mebibytes_capacity = space->capacity_bytes / MiB;
  }
  return wear;
}

DriveHealth SimDrive::health() {
  DriveHealth health;
  health.repositions = model_.repositions();
  health.underruns = model_.underruns();
  health.uncorrected_reads = failed_reads_;
  health.uncorrected_writes = failed_writes_;
  health.cleaning_requested = model_.wants_cleaning();
  return health;
}

std::optional<RemainingSpace> SimDrive::remaining() {
  const Cartridge& cartridge = require_cartridge("ask remaining space");
  const std::optional<MediumInfo> info = medium_drive_->medium();
  if (!info.has_value() || !info->capacity_bytes.has_value()) {
    return std::nullopt;
  }
  const std::uint64_t capacity = *info->capacity_bytes;
  const std::uint64_t used = cartridge.map.end_bytes();
  return RemainingSpace{.capacity_bytes = capacity,
                        .remaining_bytes = capacity - std::min(used, capacity)};
}

bool SimDrive::warn_earlier(std::uint64_t bytes) {
  warn_earlier_bytes_ = bytes;
  return true;
}

std::vector<std::uint64_t> SimDrive::ends_of_wraps() {
  const Cartridge& cartridge = require_cartridge("read end of wraps");
  return cartridge.map.ends_of_wraps(cartridge.geometry);
}

std::vector<TapeAlert> SimDrive::raised() {
  if (model_.wants_cleaning()) {
    raised_.insert(kCleanPeriodically);
  }
  std::vector<TapeAlert> alerts;
  for (const std::uint8_t flag : raised_) {
    alerts.push_back(tape_alert(flag));
  }
  return alerts;
}

std::size_t SimDrive::most_ranges() {
  return kMostRanges;
}

// The nearest next, by the model's own times: no vendor tells what its drives do.
std::vector<std::size_t> SimDrive::recommend(std::span<const BlockRange> ranges) {
  static_cast<void>(require_cartridge("ask for an access order"));
  if (ranges.size() > kMostRanges) {
    throw Error(ErrorCode::invalid, "ask for an access order of " + std::to_string(ranges.size()) +
                                        " ranges: the drive takes at most " +
                                        std::to_string(kMostRanges));
  }
  std::vector<Stretch> left;
  for (const BlockRange& range : ranges) {
    if (range.last < range.first || range.last == std::numeric_limits<std::uint64_t>::max()) {
      throw Error(ErrorCode::invalid, "ask for an access order: blocks " +
                                          std::to_string(range.first) + " to " +
                                          std::to_string(range.last) + " are no range");
    }
    left.push_back({model_.place_of(range.first), model_.place_of(range.last + 1), left.size()});
  }
  std::vector<std::size_t> order;
  TapePoint head = model_.head();
  Motion motion = model_.motion();
  while (!left.empty()) {
    const auto next = std::ranges::min_element(left, {}, [&](const Stretch& each) {
      return model_.positioning().locate_seconds(head, motion, each.begin);
    });
    order.push_back(next->index);
    head = next->end;
    motion = Motion::streaming;
    left.erase(next);  // Those left keep their order, so that of equals the first one goes first.
  }
  return order;
}

}  // namespace mixtape::tapeio::lto
