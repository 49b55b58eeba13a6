// SPDX-License-Identifier: Apache-2.0
// recovery HOME WORK: modelled minutes in which the catalog of HOME comes back from one cartridge
// of each LTO generation whose index stands at the far end of the tape, the worst place. HOME is
// changed; WORK is a directory with room for it.

#include <cstdio>

#include "tapeio/error.h"
#include "tests/bench/recovery_cost.h"

int main(int argc, char** argv) {
  using namespace mixtape;
  if (argc != 3) {
    std::fputs("usage: recovery HOME WORK\n", stderr);
    return 2;
  }
  try {
    std::puts("simulated, seconds of one cartridge:");
    std::puts("        robot  load  move (operations)  read (MB)   unload  all    minutes");
    for (unsigned generation = 5; generation <= 10; ++generation) {
      const std::filesystem::path work =
          std::filesystem::path(argv[2]) / ("lto" + std::to_string(generation));
      const bench::RecoveryCost cost =
          bench::recover_full_cartridge(argv[1], work, generation, bench::Written::to_far_end);
      std::filesystem::remove_all(work);
      std::printf("LTO-%-2u  %5.0f %5.0f  %5.0f (%2llu)  %14.1f (%.1f)  %6.0f  %6.0f  %5.1f\n",
                  generation, cost.robot_s, cost.load_s, cost.move_s,
                  static_cast<unsigned long long>(cost.moves), cost.read_s,
                  static_cast<double>(cost.bytes_read) / 1e6, cost.unload_s, cost.seconds,
                  cost.seconds / 60);
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "recovery: %s\n", error.what());
    return 1;
  }
  return 0;
}
