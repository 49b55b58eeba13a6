// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lent_drive.h"

#include <utility>

#include "tapeio/error.h"
#include "tapeio/write_protection.h"

namespace mixtape::tapeio {

LentDrive::LentDrive(TapeDrive& drive, std::string label, bool writable,
                     std::function<void(const Returned&)> give_back)
    : drive_(drive),
      label_(std::move(label)),
      writable_(writable),
      give_back_(std::move(give_back)) {}

LentDrive::~LentDrive() {
  if (!returned_.unloaded) {
    returned_.report = report_of(drive_);
  }
  give_back_(returned_);
}

template <typename Operation>
auto LentDrive::watched(Operation operation) {
  try {
    return operation();
  } catch (const Error& error) {
    returned_.lost = returned_.lost || error.code() == ErrorCode::no_medium;
    returned_.failed = returned_.failed || error.code() == ErrorCode::io ||
                       error.code() == ErrorCode::not_found || error.code() == ErrorCode::locked;
    throw;
  }
}

void LentDrive::require_writable(const char* operation) const {
  tapeio::require_writable(std::string(operation) + " to medium " + label_,
                           {.loaded_for_reading = !writable_});
}

std::optional<MediumInfo> LentDrive::medium() {
  auto info = watched([&] { return drive_.medium(); });
  returned_.lost = returned_.lost || !info;
  if (info) {
    info->label = label_;
    info->write_protected = info->write_protected || !writable_;
  }
  return info;
}

ReadResult LentDrive::read_record(MutableBytes buffer) {
  return watched([&] { return drive_.read_record(buffer); });
}

WriteResult LentDrive::write_record(ByteView record) {
  require_writable("write record");
  return watched([&] { return drive_.write_record(record); });
}

WriteResult LentDrive::write_filemark() {
  require_writable("write filemark");
  return watched([&] { return drive_.write_filemark(); });
}

void LentDrive::rewind() {
  watched([&] { drive_.rewind(); });
}

void LentDrive::locate(std::uint64_t block) {
  watched([&] { drive_.locate(block); });
}

std::uint64_t LentDrive::space_filemarks(std::int64_t count) {
  return watched([&] { return drive_.space_filemarks(count); });
}

void LentDrive::seek_end_of_data() {
  watched([&] { drive_.seek_end_of_data(); });
}

Position LentDrive::position() {
  return watched([&] { return drive_.position(); });
}

void LentDrive::unload() {
  returned_.report = report_of(drive_);
  watched([&] { drive_.unload(); });
  returned_.unloaded = true;
}

void KeptReports::add(std::string_view medium, const DriveReport& report) {
  constexpr std::size_t kMost = 64;
  const bool says_anything = report.wear || report.space || report.health || !report.alerts.empty();
  if (!says_anything) {
    return;
  }
  if (reports_.size() == kMost) {
    reports_.erase(reports_.begin());
  }
  reports_.push_back({std::string(medium), report});
}

std::string barcode_in_chip(TapeDrive& drive, const MediumInfo& medium) {
  if (MediumMemory* memory = drive.features().memory; memory != nullptr) {
    try {
      if (std::string barcode = memory->story().barcode; !barcode.empty()) {
        return barcode;
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unsupported) {
        throw;
      }
    }
  }
  return medium.label;
}

std::string label_in_chip(const MediumStory& story) {
  return story.vendor == kChipVendor && !story.label.empty() ? story.label : story.barcode;
}

bool is_same_barcode(std::string_view left, std::string_view right) {
  constexpr std::size_t kVolume = 6, kVolumeAndType = 8;
  if (left.size() == kVolumeAndType && right.size() == kVolume) {
    left.remove_suffix(kVolumeAndType - kVolume);
  } else if (left.size() == kVolume && right.size() == kVolumeAndType) {
    right.remove_suffix(kVolumeAndType - kVolume);
  }
  return left == right;
}

std::string identity_text(const DriveIdentity& identity) {
  std::string text;
  for (const std::string* part : {&identity.vendor, &identity.product, &identity.serial}) {
    text += (text.empty() || part->empty() ? "" : " ") + *part;
  }
  return text;
}

std::string identity_text(TapeDrive& drive) {
  const auto identity = drive.features().identity;
  return identity ? identity_text(*identity) : std::string{};
}

}  // namespace mixtape::tapeio
