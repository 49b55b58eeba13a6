// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/library.h"

// A directory whose subdirectories are media: a library of disk "tapes". docs/media.md has the
// layout.
//
// A subdirectory is a medium when its name is a valid label and a medium's description is in it;
// all else in the directory is left alone. It may be a link to a directory on another disk.

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

}  // namespace mixtape::tapeio
