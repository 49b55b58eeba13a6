// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

// How a long operation speaks and is stopped. The terminal, a pipe, JSON lines and the control
// socket each implement it.
//
// Threads: every method from any thread.

namespace mixtape {

struct Progress {
  std::string phase;  // "scan", "hash", "write MX0001", "restore".
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;  // 0: not known.
  std::uint64_t done_files = 0;
  std::uint64_t total_files = 0;  // 0: not known.
  // Work that counts neither, such as a drive that measures a tape: 0 to 1; then that is all.
  std::optional<double> part = std::nullopt;
};

class Reporter {
 public:
  virtual ~Reporter() = default;
  // At most ten times a second is enough; the last one of a phase should be complete.
  virtual void progress(const Progress& progress) = 0;
  // A remark for the user ("skipped /run/lock: a socket"); one line.
  virtual void note(const std::string& line) = 0;
  // Something went wrong with one item; the operation goes on and ends with a non-zero status.
  virtual void problem(const std::string& line) = 0;
  // The user wants out: checked between two pieces of work; then throw Error{cancelled}.
  [[nodiscard]] virtual std::stop_token stop() const = 0;
};

}  // namespace mixtape
