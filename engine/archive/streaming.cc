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

std::optional<std::uint64_t> repositions_of(tapeio::TapeDrive& drive) {
  try {
    tapeio::DriveGauges* gauges = drive.features().gauges;
    return gauges == nullptr ? std::nullopt : gauges->health().repositions;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace mixtape::archive
