// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "engine/format/archaeology.h"

// What goes onto a medium that is labelled, behind the texts of its first tape file: programs and
// sources for whoever finds it, out of directories.
//
// A directory is taken whole or not at all. By capacity, it is taken while everything that was
// taken has at most a thousandth of the medium; a medium whose capacity nobody knows gets the texts
// alone.
//
// Units:   bytes.
// Threads: immutable once made.
// Errors:  none: what is no regular file or cannot be read is passed over, and a directory that is
//          not there is empty. Labelling throws Error{not_found} for a file that goes away later.
// Cost:    one walk through the directories; the files are opened when they are written.

namespace mixtape::archive {

class ArchaeologySet {
 public:
  enum class Extent : std::uint8_t { texts, by_capacity, full };
  // The files of `directory` are members `prefix` + their path in it.
  struct Source {
    std::filesystem::path directory;
    std::string prefix;
  };

  ArchaeologySet() = default;  // The texts alone.
  ArchaeologySet(Extent extent, std::span<const Source> sources);

  [[nodiscard]] std::vector<format::ArchaeologyFile> files_for(
      std::optional<std::uint64_t> capacity_bytes) const;
  // What these take in the tape file.
  [[nodiscard]] std::uint64_t bytes_for(std::optional<std::uint64_t> capacity_bytes) const;

 private:
  Extent extent_ = Extent::texts;
  std::vector<std::vector<format::ArchaeologyFile>> groups_;  // One for each directory.
};

}  // namespace mixtape::archive
