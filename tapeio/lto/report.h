// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// What a simulated drive did, and how long the model says that it took.

namespace mixtape::tapeio::lto {

enum class SimKind {
  robot,       // A cartridge carried between a slot and a drive.
  load,        // Threading and getting ready.
  initialise,  // The first load of a cartridge that is measured then.
  unload,      // With the rewind before it.
  rewind,      // Asked for by the host.
  locate,      // Any other movement to a place: locate, space, end of data, start from a stand.
  transfer,    // Data under the head: records and filemarks, read-ahead included.
  reposition,  // Back-hitches that were not hidden behind the host's own time.
  waiting,     // The drive was ready and the host had nothing for it.
};
inline constexpr std::size_t kSimKinds = 9;
[[nodiscard]] std::string_view to_string(SimKind kind);

struct SimReport {
  std::array<double, kSimKinds> seconds{};       // Modelled, by SimKind.
  std::array<std::uint64_t, kSimKinds> count{};  // Operations; of transfer: records and filemarks.
  std::uint64_t bytes_read = 0, bytes_written = 0;  // The host's; times scale on the modelled tape.
  std::uint64_t repositions = 0;                    // Hidden ones included.
  std::uint64_t underruns = 0;

  [[nodiscard]] double seconds_of(SimKind kind) const { return seconds[static_cast<int>(kind)]; }
  [[nodiscard]] std::uint64_t count_of(SimKind kind) const { return count[static_cast<int>(kind)]; }
  void add(SimKind kind, double modelled_s, std::uint64_t operations);
  [[nodiscard]] double total_seconds() const;
  // Of the time in which the drive was busy (all but waiting), the part in which data passed; 0
  // when it never was.
  [[nodiscard]] double sequential_share() const;
  SimReport& operator+=(const SimReport& other);
};

// "simulated: 3 min 12 s (load 17 s, locate 45 s, transfer 130 s), 67.7 % sequential, ...".
[[nodiscard]] std::string to_string(const SimReport& report);

}  // namespace mixtape::tapeio::lto
