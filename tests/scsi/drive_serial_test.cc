// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/drive_serial.h"

#include <gtest/gtest.h>

#include "tapeio/scsi/ssc_commands.h"
#include "tests/emulation/emulated_changer.h"
#include "tests/emulation/emulated_tape_drive.h"

// How drives are told apart that stand beside a changer.

namespace mixtape::test {
namespace {

namespace scsi = tapeio::scsi;

TEST(SerialOfTapeDrive, IsWhatTheDriveSaysOfItself) {
  EmulatedTapeDrive first({.serial = "YX1"}), second({.serial = "YX2"});
  EXPECT_EQ(scsi::serial_of_tape_drive(*first.connect()), "YX1");
  EXPECT_EQ(scsi::serial_of_tape_drive(*second.connect()), "YX2");
}

TEST(SerialOfTapeDrive, AChangerHasNone) {
  EmulatedChanger changer;
  EXPECT_EQ(scsi::serial_of_tape_drive(*changer.connect()), std::nullopt);
}

TEST(SerialOfTapeDrive, AskingTakesNoNewsFromWhoeverUsesTheDrive) {
  EmulatedTapeDrive drive;
  const auto transport = drive.connect();
  static_cast<void>(scsi::serial_of_tape_drive(*transport));
  const scsi::Reply reply = transport->execute({.cdb = scsi::test_unit_ready().cdb()});
  EXPECT_EQ(reply.status, scsi::Status::check_condition) << "its unit attention is still there";
}

}  // namespace
}  // namespace mixtape::test
