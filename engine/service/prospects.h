// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/archive/streaming.h"
#include "tapeio/tape_drive.h"

// What has to be done about a medium before it is too late: it was not read for long, the drives
// that can read it die out, it needs more tape for the same data than it should. Pure rules.
//
// Threads: none.

namespace mixtape::service {

struct MediumFacts {
  std::string label;
  // When the copy on it that waits longest was read again or written; nullopt: it holds none.
  std::optional<std::int64_t> read_s;
  std::uint64_t used_bytes = 0;  // As the catalog has it.
  // As the drive told that had it last.
  std::optional<tapeio::RemainingSpace> space = std::nullopt;
};

struct Prospect {
  enum class Kind { verification, generation, capacity };
  Kind kind{};
  std::string what;    // Goes on behind the medium's name: "was not read since 2025-11-20".
  std::string advice;  // "run `mixtape verify MX0001`".
};

struct Surroundings {
  std::int64_t now_s = 0;
  std::uint32_t verify_days = 0;  // After so many it is due; 0: never.
  // LTO generations of the drives that were used here; none: nobody knows what reads cartridges.
  std::span<const unsigned> drives;
};

// When a medium that was read then is due; nullopt: never.
[[nodiscard]] std::optional<std::int64_t> due_s(std::optional<std::int64_t> read_s,
                                                std::uint32_t verify_days);

[[nodiscard]] std::vector<Prospect> prospects_of(const MediumFacts& medium,
                                                 const Surroundings& around);

// A tape that was written much slower than its generation is, though it never waited for data:
// its rate and the own one of its generation, bytes a second. nullopt: it was fast enough, too
// little was written to tell, or nobody knows the generation (the barcode has it).
struct SlowTape {
  double rate = 0, native_rate = 0;
};
[[nodiscard]] std::optional<SlowTape> slow_tape(const archive::Streaming& streaming,
                                                std::string_view label);

}  // namespace mixtape::service
