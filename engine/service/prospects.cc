// SPDX-License-Identifier: Apache-2.0
#include "engine/service/prospects.h"

#include <algorithm>

#include "engine/home/config.h"
#include "engine/service/time_text.h"
#include "tapeio/lto/generation.h"

namespace mixtape::service {
namespace {

using tapeio::lto::Fit;

constexpr std::int64_t kDay = 24 * 3600;
// A tape that writes what it failed to write a second time, further on, takes more of itself than
// it was given. Filemarks, and what lies behind the closing index that is written over, take some
// as well.
constexpr double kMostOverused = 1.05;
constexpr std::uint64_t kNotWorthAWord = 2 * GiB;

// A drive writes again what it could not read back at once, and cleans its heads now and then; a
// tape that loses a third of its speed by that has trouble.
constexpr double kSlow = 0.7;
// Several ends of the tape, whose turns take their time too.
constexpr std::uint64_t kEnoughToTell = 64 * GiB;

void look_at_verification(const MediumFacts& medium, const Surroundings& around,
                          std::vector<Prospect>& prospects) {
  const auto due = due_s(medium.read_s, around.verify_days);
  if (due && *due <= around.now_s) {
    prospects.push_back({Prospect::Kind::verification,
                         "holds copies that nobody read since " + local_time(*medium.read_s) +
                             ": to be verified since " + local_time(*due),
                         "run `mixtape verify " + medium.label + "`"});
  }
}

void look_at_generation(const MediumFacts& medium, const Surroundings& around,
                        std::vector<Prospect>& prospects) {
  const auto own = tapeio::lto::generation_of_barcode(medium.label);
  if (!own || around.drives.empty()) {
    return;
  }
  const std::string readers = tapeio::lto::drives_for(*own, Fit::reads);
  unsigned newest = 0;
  for (const unsigned drive : around.drives) {
    if (tapeio::lto::fit_of(drive, *own) != Fit::none) {
      newest = std::max(newest, drive);
    }
  }
  const std::string advice = "copy it to newer cartridges: `mixtape repack " + medium.label + "`";
  if (newest == 0) {
    prospects.push_back({Prospect::Kind::generation,
                         "is read by " + readers + " drives only, and none was used here",
                         "find such a drive, and " + advice});
  } else if (newest < tapeio::lto::kNewestGeneration &&
             tapeio::lto::fit_of(newest + 1, *own) == Fit::none) {
    prospects.push_back({Prospect::Kind::generation,
                         "is about to become unreadable: newer drives than LTO-" +
                             std::to_string(newest) + " do not read it",
                         "while there is such a drive, " + advice});
  }
}

void look_at_capacity(const MediumFacts& medium, std::vector<Prospect>& prospects) {
  if (!medium.space || medium.space->remaining_bytes > medium.space->capacity_bytes) {
    return;
  }
  const std::uint64_t taken = medium.space->capacity_bytes - medium.space->remaining_bytes;
  if (taken > medium.used_bytes + kNotWorthAWord &&
      static_cast<double>(taken) > kMostOverused * static_cast<double>(medium.used_bytes)) {
    prospects.push_back({Prospect::Kind::capacity,
                         "has used " + home::format_size(taken) + " of tape for " +
                             home::format_size(medium.used_bytes) +
                             ": the drive wrote much of it more than once, or something else is "
                             "on it",
                         "clean the drive and run `mixtape verify " + medium.label +
                             "`; if it grows, `mixtape media retire " + medium.label + "`"});
  }
}

}  // namespace

std::optional<std::int64_t> due_s(std::optional<std::int64_t> read_s, std::uint32_t verify_days) {
  if (!read_s || verify_days == 0) {
    return std::nullopt;
  }
  return *read_s + verify_days * kDay;
}

std::vector<Prospect> prospects_of(const MediumFacts& medium, const Surroundings& around) {
  std::vector<Prospect> prospects;
  look_at_verification(medium, around, prospects);
  look_at_generation(medium, around, prospects);
  look_at_capacity(medium, prospects);
  return prospects;
}

std::optional<SlowTape> slow_tape(const archive::Streaming& streaming, std::string_view label) {
  const auto generation = tapeio::lto::generation_of_barcode(label);
  if (!generation || streaming.underruns > 0 || streaming.bytes < kEnoughToTell ||
      streaming.taking_s <= 0) {
    return std::nullopt;
  }
  const SlowTape tape{.rate = static_cast<double>(streaming.bytes) / streaming.taking_s,
                      .native_rate = tapeio::lto::figures_of(*generation).native_rate};
  return tape.rate < kSlow * tape.native_rate ? std::optional(tape) : std::nullopt;
}

}  // namespace mixtape::service
