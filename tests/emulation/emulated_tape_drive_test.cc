// SPDX-License-Identifier: Apache-2.0
#include "tests/emulation/emulated_tape_drive.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "tapeio/scsi/sense.h"
#include "tests/support/patterns.h"

// The judge itself: written in bytes, without our command builders.

namespace mixtape::test {
namespace {

using tapeio::scsi::Reply;
using tapeio::scsi::Sense;
using tapeio::scsi::Status;

class EmulatedDriveTest : public testing::Test {
 protected:
  EmulatedDriveTest() : link_(drive_.connect()) {}

  Reply send(std::initializer_list<std::uint8_t> cdb, MutableBytes in = {}, ByteView out = {}) {
    const std::vector<std::uint8_t> bytes(cdb);
    return link_->execute({.cdb = bytes, .in = in, .out = out});
  }
  Sense sense(std::initializer_list<std::uint8_t> cdb, MutableBytes in = {}, ByteView out = {}) {
    const Reply reply = send(cdb, in, out);
    EXPECT_EQ(reply.status, Status::check_condition);
    return tapeio::scsi::decode_sense({reply.sense.data(), reply.sense_size});
  }
  void be_ready() {
    drive_.insert(std::make_shared<EmulatedCartridge>());
    while (send({0, 0, 0, 0, 0, 0}).status != Status::good) {
    }
    const std::byte variable[12] = {std::byte{0}, std::byte{0}, std::byte{0x10}, std::byte{8}};
    ASSERT_EQ(send({0x15, 0x10, 0, 0, 12, 0}, {}, variable).status, Status::good);
  }

  EmulatedTapeDrive drive_;
  std::unique_ptr<tapeio::scsi::Transport> link_;
};

TEST_F(EmulatedDriveTest, TellsEachAttentionOnceAndThenThatItIsEmpty) {
  EXPECT_TRUE(sense({0, 0, 0, 0, 0, 0}).is(0x29, 0x00));
  EXPECT_TRUE(sense({0, 0, 0, 0, 0, 0}).is(0x3a, 0x00));
}

TEST_F(EmulatedDriveTest, RefusesReservedBitsOfEveryCommandThatHasAny) {
  be_ready();
  for (const std::uint8_t operation : {0x00, 0x01, 0x05, 0x08, 0x0a, 0x10, 0x11, 0x12, 0x1a}) {
    EXPECT_TRUE(sense({operation, 0x80, 0, 0, 0, 0}).is(0x24, 0x00)) << int{operation};
    EXPECT_TRUE(sense({operation, 0, 0, 0, 0, 0x04}).is(0x24, 0x00)) << int{operation};
  }
}

TEST_F(EmulatedDriveTest, RefusesUnknownCommandsAndWrongLengths) {
  be_ready();
  EXPECT_TRUE(sense({0x13, 0, 0, 0, 0, 0}).is(0x20, 0x00));
  EXPECT_TRUE(sense({0x2b, 0, 0, 0, 0, 0}).is(0x24, 0x00));
  EXPECT_TRUE(sense({0x11, 2, 0, 0, 1, 0}).is(0x24, 0x00));
}

TEST_F(EmulatedDriveTest, SpacingOverBlocksStopsAtAFilemarkUnlessItIsTgt) {
  be_ready();
  const Bytes record = pattern(2);
  ASSERT_EQ(send({0x0a, 0, 0, 0, 2, 0}, {}, record).status, Status::good);
  ASSERT_EQ(send({0x10, 0, 0, 0, 1, 0}).status, Status::good);
  ASSERT_EQ(send({0x01, 0, 0, 0, 0, 0}).status, Status::good);
  const Sense stopped = sense({0x11, 0, 0, 0, 2, 0});
  EXPECT_TRUE(stopped.filemark);
  EXPECT_EQ(stopped.information, 1);
}

TEST_F(EmulatedDriveTest, ReadingARecordOfAnotherSizeTellsTheDifference) {
  be_ready();
  const Bytes record = pattern(100);
  ASSERT_EQ(send({0x0a, 0, 0, 0, 100, 0}, {}, record).status, Status::good);
  Bytes buffer(120);
  ASSERT_EQ(send({0x01, 0, 0, 0, 0, 0}).status, Status::good);
  EXPECT_EQ(sense({0x08, 0, 0, 0, 120, 0}, buffer).information, 20);
  ASSERT_EQ(send({0x01, 0, 0, 0, 0, 0}).status, Status::good);
  EXPECT_EQ(sense({0x08, 0, 0, 0, 60, 0}, MutableBytes(buffer).first(60)).information, -40);
  EXPECT_EQ(sense({0x08, 0, 0, 0, 60, 0}, buffer).key, tapeio::scsi::SenseKey::blank_check);
}

TEST_F(EmulatedDriveTest, CartridgeStaysWhileTheDoorIsLocked) {
  be_ready();
  ASSERT_EQ(send({0x1e, 0, 0, 0, 1, 0}).status, Status::good);
  EXPECT_EQ(drive_.remove(), nullptr);
  EXPECT_TRUE(sense({0x1b, 0, 0, 0, 0, 0}).is(0x53, 0x02));
  ASSERT_EQ(send({0x1e, 0, 0, 0, 0, 0}).status, Status::good);
  ASSERT_EQ(send({0x1b, 0, 0, 0, 0, 0}).status, Status::good);
  EXPECT_TRUE(drive_.is_unloaded());
  EXPECT_NE(drive_.remove(), nullptr);
}

}  // namespace
}  // namespace mixtape::test
