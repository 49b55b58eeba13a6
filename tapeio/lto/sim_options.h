// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tapeio/lto/clock.h"
#include "tapeio/tape_drive.h"

// What "sim:/path[,key=value]..." asks for. docs/simulator.md has the keys for people.

namespace mixtape::tapeio::lto {

struct SimLibraryOptions {
  std::string text;              // All of it, as given; empty: the path alone.
  std::string path;              // A directory; absolute, without a comma.
  unsigned generation = 9;       // generation=5..10
  std::size_t drives = 1;        // drives=N
  std::size_t slots = 24;        // slots=N
  double clock_speed = 0;        // clock=virtual|real|N: modelled seconds per real one; 0 virtual.
  bool counts_host_time = true;  // host=real|none
  // capacity=SIZE: nominal, of a cartridge that add_medium gets no other for. Without `scale` it
  // also sets that: the cartridge has all wraps of its generation.
  std::optional<std::uint64_t> capacity_bytes;
  std::optional<double> scale;    // scale=N: bytes of the modelled tape for each of the host's.
  double first_load_minutes = 0;  // first_load=MINUTES: a new LTO-9 cartridge is measured so long.
  double clean_hours = 0;         // clean_hours=N: cleaning is asked for after so much work.
  std::uint64_t clean_loads = 0;  // clean_loads=N: and after so many loads; 0: never.
  bool capacity_varies = true;  // vary=yes|no: each label has its own capacity, within 3 per cent.

  // For tests. `host_time` must outlive the library; it is asked where counts_host_time.
  HostTime* host_time = nullptr;
  std::function<void(double real_s)> sleep;  // Instead of sleeping.
  // Put around the medium below the simulated drive: faults.
  std::function<std::unique_ptr<TapeDrive>(std::unique_ptr<TapeDrive>, std::string_view label)>
      wrap_medium;

  // Nominal, in the host's bytes, and what one of them stands for.
  [[nodiscard]] std::uint64_t nominal_bytes() const;
  [[nodiscard]] double modelled_scale() const;
};

// `text`: what stands behind "sim:". Error{invalid, unsupported} says what is wrong with which key.
[[nodiscard]] SimLibraryOptions parse_sim_options(std::string_view text);

}  // namespace mixtape::tapeio::lto
