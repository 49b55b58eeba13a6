// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/drive_use.h"

#include <fcntl.h>

#include "tapeio/bytes.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/key_values.h"

namespace mixtape::tapeio::lto {
namespace {

constexpr std::uint64_t kMostFileBytes = MiB;
constexpr std::string_view kSeconds = " seconds";
constexpr std::string_view kLoads = " loads";
// Some thousand years: what is more was not counted.
constexpr std::uint64_t kMostSeconds = 1'000'000'000'000;

}  // namespace

std::string encode(const DriveUses& uses) {
  std::string text = "# What the drives of this simulated library did since they were cleaned.\n";
  for (const auto& [name, use] : uses) {
    text.append(name).append(kSeconds).append(" = ");
    text.append(std::to_string(static_cast<std::uint64_t>(use.seconds))).append("\n");
    text.append(name).append(kLoads).append(" = ").append(std::to_string(use.loads)).append("\n");
  }
  return text;
}

DriveUses decode_drive_uses(std::string_view text) {
  DriveUses uses;
  const auto entries = parse_key_values(text);
  if (!entries.has_value()) {
    return uses;
  }
  for (const auto& [key, digits] : *entries) {
    const auto value = parse_number(digits);
    const bool is_seconds = key.ends_with(kSeconds);
    if (!value || (!is_seconds && !key.ends_with(kLoads))) {
      continue;
    }
    const std::size_t suffix = is_seconds ? kSeconds.size() : kLoads.size();
    const std::string_view name = trimmed(key.substr(0, key.size() - suffix));
    if (is_seconds && *value <= kMostSeconds) {
      uses[std::string(name)].seconds = static_cast<double>(*value);
    } else if (!is_seconds) {
      uses[std::string(name)].loads = *value;
    }
  }
  return uses;
}

DriveUses read_drive_uses(const std::string& file) {
  try {
    return decode_drive_uses(as_text(read_file(file, kMostFileBytes, O_NOFOLLOW | O_NONBLOCK)));
  } catch (const Error&) {
    return {};  // See the header.
  }
}

void write_drive_uses(const std::string& file, const DriveUses& uses) {
  write_file_durably(file, as_bytes(encode(uses)));
}

}  // namespace mixtape::tapeio::lto
