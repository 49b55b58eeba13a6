// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "tapeio/cartridge_library.h"

namespace mixtape::test {

// A library of cartridges that waits for nothing for long: for drives and cleaning at most
// `within`.
inline tapeio::CartridgeLibraryOptions quick(
    std::chrono::milliseconds within = std::chrono::milliseconds(100)) {
  using namespace std::chrono_literals;
  tapeio::CartridgeLibraryOptions options;
  options.look_every = 0ms;
  options.pause = 1ms;
  options.ready_within = within;
  options.settle_within = 20ms;
  options.clean_at_least = 1ms;
  options.clean_within = within;
  return options;
}

}  // namespace mixtape::test
