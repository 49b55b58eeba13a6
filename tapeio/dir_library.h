// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/library.h"

// A directory whose subdirectories are media: a library of disk "tapes". docs/media.md has the
// layout.
//
// A subdirectory is a medium when its name is a valid label and a medium's description is in it; to
// be read, also when an archaeology or an index is in it under the name that the program gives it.
// All else in the directory is left alone. It may be a link to a directory on another disk.

namespace mixtape::tapeio {

class DirLibrary final : public Library {
 public:
  // Error{not_found} when `path` is no directory; Error{invalid} when it is not absolute.
  explicit DirLibrary(std::string path);

  [[nodiscard]] std::string url() const override { return "dir:" + path_; }
  [[nodiscard]] std::vector<MediumSlot> media() override;
  void add_medium(std::string_view label, std::uint64_t capacity_bytes) override;
  using Library::load;
  [[nodiscard]] std::unique_ptr<TapeDrive> load(std::string_view label, Access access,
                                                const LoadWatch& watch) override;

 private:
  [[nodiscard]] std::string path_of(std::string_view label) const;

  const std::string path_;
};

// What a medium in a directory is read without, and what to do, for people: its description. Empty
// for a whole one and in any other library.
[[nodiscard]] std::string trouble_of_disk_medium(const Library& library, std::string_view label);

// Of a medium in a directory: the directory; nullopt in any other library.
[[nodiscard]] std::optional<std::string> path_of_disk_medium(const Library& library,
                                                             std::string_view label);
// For reading, the missing tape files as empty ones (DirMedium).
[[nodiscard]] std::unique_ptr<TapeDrive> load_despite_gaps(const std::string& medium_path);

}  // namespace mixtape::tapeio
