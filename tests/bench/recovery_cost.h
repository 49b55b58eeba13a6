// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// What it costs to get the catalog back from one full cartridge, on a simulated drive: modelled
// seconds from the robot's first move to the cartridge's return into its slot.

namespace mixtape::bench {

struct RecoveryCost {
  double seconds = 0;  // Modelled; all that follows is part of it.
  double robot_s = 0, load_s = 0, move_s = 0, read_s = 0, unload_s = 0;
  std::uint64_t moves = 0;       // Rewinds, locates, spaces: operations of the drive.
  std::uint64_t bytes_read = 0;  // Label, index and what is looked at to find it.
  std::uint64_t index_bytes = 0;
  std::uint64_t label_bytes = 0;  // The whole archaeology.
};

// How far the cartridge is written. Wraps go there and back, so that a full tape ends near its
// beginning; one wrap less is the far end, which no place is further from.
enum class Written { full, to_far_end };

// `home` has a catalog, which a job writes to a cartridge of that generation below `work`; its
// archive is then made so long that the closing index stands at the end of what is written. It is a
// hole, which takes no room where files may have holes of many terabytes, as in /dev/shm. Fails
// with an Error.
[[nodiscard]] RecoveryCost recover_full_cartridge(const std::filesystem::path& home,
                                                  const std::filesystem::path& work,
                                                  unsigned generation, Written written);

}  // namespace mixtape::bench
