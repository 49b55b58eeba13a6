// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

// The files of the folder archaeology/ as they were when the program was built. The definitions are
// made by archaeology/embed.cmake.

namespace mixtape::format {

struct ArchaeologyText {
  std::string_view name;
  std::string_view text;
};

// README.txt with @PLACEHOLDERS@ for what differs from medium to medium.
std::string_view readme_template();
// All others, in the order in which they stand on a medium.
std::span<const ArchaeologyText> archaeology_texts();

}  // namespace mixtape::format
