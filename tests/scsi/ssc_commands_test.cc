// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/ssc_commands.h"

#include <gtest/gtest.h>

#include <string>

#include "tapeio/bytes.h"
#include "tests/support/errors.h"

// Each command byte by byte, as the standard draws it.

namespace mixtape::tapeio::scsi {
namespace {

std::string hex(const SscCommand& command) {
  return to_hex(std::as_bytes(command.cdb()));
}

TEST(SscCommands, SixBytes) {
  EXPECT_EQ(hex(test_unit_ready()), "000000000000");
  EXPECT_EQ(hex(request_sense(252)), "03000000fc00");
  EXPECT_EQ(hex(inquiry(96)), "120000006000");
  EXPECT_EQ(hex(inquiry_page(0x80, 255)), "12018000ff00");
  EXPECT_EQ(hex(read_block_limits()), "050000000000");
  EXPECT_EQ(hex(rewind_tape()), "010000000000");
  EXPECT_EQ(hex(load_tape()), "1b0000000100");
  EXPECT_EQ(hex(unload_tape()), "1b0000000000");
  EXPECT_EQ(hex(prevent_removal(true)), "1e0000000100");
  EXPECT_EQ(hex(prevent_removal(false)), "1e0000000000");
  EXPECT_EQ(hex(reserve_6()), "160000000000");
  EXPECT_EQ(hex(release_6()), "170000000000");
}

TEST(SscCommands, TransfersAreOfVariableSizeAndFilemarksNotImmediate) {
  EXPECT_EQ(hex(read_6(0x012345)), "080001234500");
  EXPECT_EQ(hex(write_6(0xffffff)), "0a00ffffff00");
  EXPECT_EQ(hex(write_filemarks_6(1)), "100000000100");
}

TEST(SscCommands, SpaceCountsInTwosComplement) {
  EXPECT_EQ(hex(space_6(SpaceOver::filemarks, 2)), "110100000200");
  EXPECT_EQ(hex(space_6(SpaceOver::filemarks, -1)), "1101ffffff00");
  EXPECT_EQ(hex(space_6(SpaceOver::end_of_data, 0)), "110300000000");
  EXPECT_EQ(hex(space_16(SpaceOver::blocks, -2)), "91000000fffffffffffffffe00000000");
}

TEST(SscCommands, LocateAndReadPosition) {
  EXPECT_EQ(hex(locate_10(0x01020304)), "2b000001020304000000");
  EXPECT_EQ(hex(locate_16(0x0102030405060708)), "92000000010203040506070800000000");
  EXPECT_EQ(hex(read_position(PositionForm::brief)), "34000000000000000000");
  EXPECT_EQ(hex(read_position(PositionForm::complete)), "34060000000000000000");
  EXPECT_EQ(hex(read_position(PositionForm::extended)), "34080000000000002000");
}

TEST(SscCommands, ModesAndLogs) {
  EXPECT_EQ(hex(mode_sense_6(0x0f, 0, 252)), "1a000f00fc00");
  EXPECT_EQ(hex(mode_sense_10(0x10, 1, 512)), "5a001001000000020000");
  EXPECT_EQ(hex(mode_select_6(12)), "151000000c00");
  EXPECT_EQ(hex(mode_select_10(48)), "55100000000000003000");
  EXPECT_EQ(hex(log_sense(0x31, 0x4000)), "4d007100000000400000");
}

TEST(SscCommands, AttributesReservationsAndOverwriting) {
  EXPECT_EQ(hex(read_attribute(0x0401, 0x8000)), "8c000000000000000401000080000000");
  EXPECT_EQ(hex(write_attribute(0x29)), "8d010000000000000000000000290000");
  EXPECT_EQ(hex(persistent_reserve_out(PersistentAction::reserve)), "5f010300000000001800");
  EXPECT_EQ(hex(persistent_reserve_out(PersistentAction::register_and_ignore)),
            "5f060000000000001800");
  EXPECT_EQ(to_hex(persistent_list(1, 2)), "000000000000000100000000000000020000000000000000");
  EXPECT_EQ(hex(allow_overwrite(7)), "82000100000000000000000700000000");
}

TEST(SscCommands, AccessOrderWrapsAndSupportedCommands) {
  EXPECT_EQ(hex(generate_access_order(40)), "a41d02000000000000280000");
  EXPECT_EQ(hex(receive_access_order(0, 40)), "a31d00000000000000280000");
  EXPECT_EQ(hex(receive_access_order_limits()), "a39d00000000000000040000");
  EXPECT_EQ(hex(read_ends_of_wraps(0x1000)), "a31f45020000000010000000");
  EXPECT_EQ(hex(report_operation_codes(0x4000)), "a30c00000000000040000000");
}

TEST(SscCommands, TimeGrowsWithWhatTheDriveHasToDo) {
  EXPECT_LT(time_for(Patience::quick), time_for(Patience::inform));
  EXPECT_LT(time_for(Patience::inform), time_for(Patience::transfer));
  EXPECT_LT(time_for(Patience::transfer), time_for(Patience::positioning));
  EXPECT_GT(time_for(Patience::loading), std::chrono::seconds(7920));
  EXPECT_EQ(load_tape().patience, Patience::loading);
  EXPECT_EQ(locate_16(0).patience, Patience::positioning);
}

}  // namespace
}  // namespace mixtape::tapeio::scsi
