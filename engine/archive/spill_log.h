// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "tapeio/bytes.h"
#include "tapeio/unique_fd.h"

// A list of byte strings that is appended to once and read from the front any number of times: in
// memory while it is small, in a nameless file in `directory` beyond, so that a list of millions
// costs no memory.
//
// Threads: none. Readers must not outlive the log; appending while one reads is allowed.
// Errors:  throws Error{io, no_space}.

namespace mixtape::archive {

class SpillLog {
 public:
  static constexpr std::size_t kInMemory = 4 * MiB;

  // Nothing is created in `directory` before the list outgrows `in_memory` bytes.
  explicit SpillLog(std::filesystem::path directory, std::size_t in_memory = kInMemory);

  void append(ByteView record);
  [[nodiscard]] std::uint64_t count() const { return count_; }

  class Reader {
   public:
    explicit Reader(const SpillLog& log) : log_(log) {}
    // Fills `record` with the next one; false at the end.
    bool next(Bytes& record);

   private:
    void fetch(MutableBytes into);

    const SpillLog& log_;
    std::uint64_t position_ = 0;
    std::uint64_t read_ = 0;  // Records.
    Bytes window_;            // A part of the file.
    std::uint64_t window_at_ = 0;
  };

 private:
  std::filesystem::path directory_;
  std::size_t in_memory_;
  tapeio::UniqueFd file_;
  std::uint64_t in_file_ = 0;  // Bytes.
  Bytes tail_;                 // What follows them.
  std::uint64_t count_ = 0;
};

}  // namespace mixtape::archive
