// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/streaming.h"

#include <algorithm>

#include "tapeio/error.h"

namespace mixtape::archive {

bool is_streaming(const catalog::Medium& medium) {
  return medium.kind != "dir";
}

std::size_t DriveFeed::wanted(std::size_t ready, std::uint64_t left) {
  if (!streaming_ || (running_ && ready > 0)) {
    return 1;
  }
  underruns_ += running_ ? 1 : 0;
  running_ = true;
  return static_cast<std::size_t>(std::min<std::uint64_t>(left, start_records_));
}

DriveCounts counts_of(tapeio::TapeDrive& drive) {
  try {
    if (tapeio::DriveGauges* gauges = drive.features().gauges) {
      const tapeio::DriveHealth health = gauges->health();
      return {health.underruns, health.repositions};
    }
  } catch (const Error&) {
    // Not known.
  }
  return {};
}

DriveCounts counts_since(const DriveCounts& before, const DriveCounts& now) {
  const auto since = [](std::optional<std::uint64_t> from, std::optional<std::uint64_t> to) {
    return to ? std::optional(*to - std::min(*to, from.value_or(0))) : std::nullopt;
  };
  return {since(before.underruns, now.underruns), since(before.repositions, now.repositions)};
}

}  // namespace mixtape::archive
