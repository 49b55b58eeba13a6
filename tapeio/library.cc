// SPDX-License-Identifier: Apache-2.0
#include "tapeio/library.h"

#include <algorithm>

#include "tapeio/dir_library.h"
#include "tapeio/error.h"
#include "tapeio/lto/sim_library.h"

namespace mixtape::tapeio {
namespace {

constexpr std::size_t kMaxLabelSize = 32;

bool is_label_character(char character) {
  return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
         (character >= '0' && character <= '9') || character == '.' || character == '_' ||
         character == '-';
}

}  // namespace

bool is_valid_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelSize && label.front() != '.' &&
         label.front() != '-' && std::all_of(label.begin(), label.end(), is_label_character);
}

void require_valid_label(std::string_view label) {
  if (!is_valid_label(label)) {
    throw Error(ErrorCode::invalid,
                "use label '" + std::string(label.substr(0, kMaxLabelSize)) +
                    "': a label has 1 to 32 of A-Z a-z 0-9 . _ - and begins with no dot or dash");
  }
}

std::unique_ptr<Library> open_library(std::string_view url) {
  constexpr std::string_view kDirScheme = "dir:";
  if (url.starts_with(kDirScheme)) {
    return std::make_unique<DirLibrary>(std::string(url.substr(kDirScheme.size())));
  }
  constexpr std::string_view kSimScheme = "sim:";
  if (url.starts_with(kSimScheme)) {
    return std::make_unique<lto::SimLibrary>(lto::parse_sim_options(url.substr(kSimScheme.size())));
  }
  throw Error(ErrorCode::invalid, "open library " + std::string(url) +
                                      ": known kinds of library are dir:/PATH and sim:/PATH");
}

}  // namespace mixtape::tapeio
