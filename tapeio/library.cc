// SPDX-License-Identifier: Apache-2.0
#include "tapeio/library.h"

#include <algorithm>

#include "tapeio/error.h"

namespace mixtape::tapeio {
namespace {

constexpr std::size_t kMaxLabelSize = 32;

bool is_label_character(char character) {
  return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
         (character >= '0' && character <= '9') || character == '.' || character == '_' ||
         character == '-';
}

}  // namespace

void require_valid_label(std::string_view label) {
  const bool valid = !label.empty() && label.size() <= kMaxLabelSize && label.front() != '.' &&
                     label.front() != '-' &&
                     std::all_of(label.begin(), label.end(), is_label_character);
  if (!valid) {
    throw Error(ErrorCode::invalid,
                "use label '" + std::string(label.substr(0, kMaxLabelSize)) +
                    "': a label has 1 to 32 of A-Z a-z 0-9 . _ - and begins with no dot or dash");
  }
}

}  // namespace mixtape::tapeio
