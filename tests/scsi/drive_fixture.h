// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tapeio/scsi/scsi_drive.h"
#include "tests/emulation/emulated_tape_drive.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// A SCSI drive over an emulated one, and words for tests about it.

namespace mixtape::test {

// The bytes of fixed-format sense data.
inline std::vector<std::uint8_t> fixed_sense(std::uint8_t key_and_flags, std::uint8_t asc,
                                             std::uint8_t ascq, std::uint8_t response = 0x70) {
  return {response, 0, key_and_flags, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0};
}

class ScsiDriveFixture : public testing::Test {
 protected:
  static constexpr std::size_t kRecordSize = 4096;

  void use(EmulatedTapeDriveOptions options) {
    drive_.reset();
    device_ = std::make_unique<EmulatedTapeDrive>(std::move(options));
  }
  std::shared_ptr<EmulatedCartridge> put_in(EmulatedCartridgeOptions options = {}) {
    auto cartridge = std::make_shared<EmulatedCartridge>(std::move(options));
    EXPECT_TRUE(device_->insert(cartridge));
    return cartridge;
  }
  tapeio::scsi::ScsiDrive& open(tapeio::scsi::ScsiDriveOptions options = {.label = "MX0001L8"}) {
    drive_.reset();
    options.pause = std::chrono::milliseconds(0);
    drive_ = std::make_unique<tapeio::scsi::ScsiDrive>(device_->connect(), std::move(options));
    return *drive_;
  }
  void close() { drive_.reset(); }
  EmulatedTapeDrive& device() { return *device_; }
  tapeio::scsi::ScsiDrive& drive() { return *drive_; }

  void write(int seed) {
    ASSERT_TRUE(drive().write_record(pattern(kRecordSize, static_cast<unsigned>(seed))).written);
  }
  void filemark() { ASSERT_TRUE(drive().write_filemark().written); }
  void expect_record(int seed) {
    Bytes buffer(kRecordSize);
    ASSERT_EQ(drive().read_record(buffer).kind, tapeio::ReadResult::Kind::record);
    EXPECT_EQ(buffer, pattern(kRecordSize, static_cast<unsigned>(seed)));
  }
  [[nodiscard]] std::string note_of(std::string_view part) {
    const tapeio::DriveFeatures features = drive().features();
    for (const std::string& note : features.identity->notes) {
      if (note.find(part) != std::string::npos) {
        return note;
      }
    }
    return {};
  }

 private:
  std::unique_ptr<EmulatedTapeDrive> device_ = std::make_unique<EmulatedTapeDrive>();
  std::unique_ptr<tapeio::scsi::ScsiDrive> drive_;
};

}  // namespace mixtape::test
