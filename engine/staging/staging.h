// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Files accepted through the mount, not yet on tape: an ordinary directory tree on disk, plus the sets that
// flushes have taken out of it.
//
// Layout:   DIR/tree/PATH...            what the mount shows under staging/ and writes to
//           DIR/flushing/JOB/PATH...    what a flush took; still on disk until its job is committed
//           DIR/flushing/JOB.committed  the job is in the catalog; the set may be dropped
// The mount serves DIR/tree with ordinary system calls, so that staging behaves as a disk file system.
// Taking a set is renames only: a crash leaves each file in the tree or in the set, never in neither.
//
// Threads:  internally synchronised.
// Errors:   throws Error{io, no_space}.

namespace mixtape::staging {

class Staging {
 public:
  explicit Staging(std::filesystem::path directory);
  ~Staging();

  [[nodiscard]] std::filesystem::path tree() const;

  // Files open for writing through the mount are left for the next flush. Counted by path of the inode.
  void opened_for_writing(std::uint64_t device, std::uint64_t inode);
  void closed_after_writing(std::uint64_t device, std::uint64_t inode);
  [[nodiscard]] bool open_for_writing(std::uint64_t device, std::uint64_t inode);

  // Moves everything that is not open for writing from the tree into a new set; empty directories that hold
  // nothing left behind move too. Returns the set's directory; nullopt when there was nothing to take.
  [[nodiscard]] std::optional<std::filesystem::path> take(const std::string& set_name);
  // The set's bytes are on media: marks it, then removes it.
  void commit(const std::string& set_name);
  // Puts a set back into the tree; a file that was staged anew meanwhile wins over the one of the set.
  void give_back(const std::string& set_name);
  // Sets left by a crash.
  struct Leftover {
    std::string set_name;
    bool committed;
  };
  [[nodiscard]] std::vector<Leftover> leftovers();

  struct Usage {
    std::uint64_t files = 0, bytes = 0;
  };
  [[nodiscard]] Usage usage();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mixtape::staging
