// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "tapeio/bytes.h"
#include "tapeio/lto/positioning.h"

// The log of simulated drives: a text file, one line per operation. docs/simulator.md has the
// format.

namespace mixtape::tapeio::lto {

struct SimTraceLine {
  double at_s = 0;  // Modelled time of the drive when the operation ended.
  std::string drive = {}, medium = {};
  std::string operation = {};  // "locate", "read", "robot", ...
  std::uint64_t count = 1;     // Reads and writes in a row that moved nothing else are one line.
  std::uint64_t block_before = 0, block_after = 0;
  TapePoint from = {}, to = {};
  std::uint64_t bytes = 0;  // The host's.
  double seconds = 0;       // Modelled, of this operation.
  bool failed = false;
};

[[nodiscard]] std::string to_string(const SimTraceLine& line);

// When the file has `limit_bytes`, it becomes PATH.1 (what was there is gone) and a new one begins.
//
// Threads: internally synchronised; several processes may append, a line is one write.
// Errors:  Error{io, no_space, ...} as of files.
class SimTrace {
 public:
  explicit SimTrace(std::string path, std::uint64_t limit_bytes = 16 * MiB);
  void append(const SimTraceLine& line);

 private:
  const std::string path_;
  const std::uint64_t limit_bytes_;
  std::mutex mutex_;
};

}  // namespace mixtape::tapeio::lto
