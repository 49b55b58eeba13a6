// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What is published of LTO generations 5 to 10, and what follows from it.
//
// Capacity, length, wraps and rate are the format's; times are IBM's of full-height drives, as far
// as IBM gives them, else of half-height ones. docs/simulator.md says of each figure whether it is
// published, derived or assumed, and where it is from.
//
// Units:   bytes (decimal multiples, as vendors count), metres, seconds, bytes per second.
// Threads: constants.

namespace mixtape::tapeio::lto {

struct GenerationFigures {
  unsigned number;
  std::string_view name;       // "LTO-9".
  std::uint64_t native_bytes;  // Of a cartridge, nothing compressed.
  double length_m;             // Of the tape.
  unsigned bands, wraps_per_band;
  double native_rate;  // Bytes per second while the tape streams.
  double lowest_rate;  // Lowest speed that the drive can match to a slow host.
  std::uint64_t drive_buffer_bytes;
  double load_s;            // Cartridge pushed in until ready at the beginning.
  double unload_s;          // From the beginning until it can be taken; without the rewind.
  double mean_locate_s;     // From the beginning to a random place.
  double mean_rewind_s;     // From a random place; 0: not published.
  double locate_speed_mps;  // Derived: makes the model's mean locate the published one.
  double rewind_speed_mps;  // Derived from the mean rewind likewise.
  // LTO-9 winds the tape once more for an unload after 5 GB of activity, twice after 50 GB.
  bool rewinds_more_when_used;
  unsigned reads_back, writes_back;  // Older generations whose cartridges its drives take.
  bool initialises;                  // A new cartridge is measured when it is loaded first.
  bool recommends_order;             // Recommended Access Order, as full-height drives have it.

  [[nodiscard]] unsigned wraps() const { return bands * wraps_per_band; }
};

inline constexpr unsigned kOldestGeneration = 5;
inline constexpr unsigned kNewestGeneration = 10;

// Error{unsupported} for another than 5 to 10.
[[nodiscard]] const GenerationFigures& figures_of(unsigned generation);

// Of a barcode with the media type behind it ("MX0001L8", "MX0001LA" for LTO-10); nullopt for all
// others, and for generations that are not simulated.
[[nodiscard]] std::optional<unsigned> generation_of_barcode(std::string_view label);

enum class Fit { none, reads, writes };
// What a drive of one generation can do with a cartridge of another. Both 5 to 10.
[[nodiscard]] Fit fit_of(unsigned drive_generation, unsigned cartridge_generation);
// The drives that can do so much with such a cartridge, for people: "LTO-5, LTO-6 or LTO-7".
[[nodiscard]] std::string drives_for(unsigned cartridge_generation, Fit least);
// The cartridges with which such a drive can do so much, likewise.
[[nodiscard]] std::string cartridges_for(unsigned drive_generation, Fit least);

// The speeds that the drive can match to its host, bytes per second, from the native one down.
[[nodiscard]] std::vector<double> matched_speeds(const GenerationFigures& figures);

}  // namespace mixtape::tapeio::lto
