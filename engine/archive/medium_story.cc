// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/medium_story.h"

#include <array>
#include <ctime>

#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

constexpr char kPool[] = "mixtape";

// As medium auxiliary memory has it: YYYYMMDDHHMM.
std::string chip_time(std::int64_t now_s) {
  const std::time_t time = static_cast<std::time_t>(now_s);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 16> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%d%H%M", &parts);
  return {text.data(), size};
}

}  // namespace

std::string tell_chip(tapeio::TapeDrive& drive, const std::string& label, std::int64_t now_s) {
  tapeio::MediumMemory* memory = drive.features().memory;
  if (memory == nullptr) {
    return {};
  }
  try {
    tapeio::MediumStory story = memory->story();
    story.vendor = tapeio::kChipVendor;
    story.application = "Mixtape";
    story.application_version = MIXTAPE_VERSION;
    story.label = label;
    story.written_on = chip_time(now_s);
    if (story.barcode.empty()) {
      story.barcode = label;
    }
    story.pool = kPool;
    memory->write_story(story);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace mixtape::archive
