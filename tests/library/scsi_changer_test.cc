// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/scsi_changer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tapeio/error.h"
#include "tests/emulation/emulated_changer.h"
#include "tests/support/errors.h"

namespace mixtape::test {
namespace {

using namespace std::chrono_literals;
using tapeio::Element;
using tapeio::scsi::ScsiChanger;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using FaultKind = EmulatedChangerFault::Kind;

constexpr std::uint8_t kMove = 0xa5, kStatus = 0xb8, kInventory = 0x07, kPrevent = 0x1e;

std::unique_ptr<ScsiChanger> open(EmulatedChanger& robot,
                                  tapeio::scsi::ScsiChangerOptions options = {.pause = 1ms,
                                                                              .patience = 50ms}) {
  return std::make_unique<ScsiChanger>(robot.connect(), options);
}

const Element* find(const std::vector<Element>& elements, std::uint16_t address) {
  const auto found = std::find_if(elements.begin(), elements.end(),
                                  [&](const Element& each) { return each.address == address; });
  return found == elements.end() ? nullptr : &*found;
}

class ScsiChangerTest : public testing::Test {
 protected:
  void build(EmulatedChangerOptions options = {}) {
    robot_ = std::make_unique<EmulatedChanger>(std::move(options));
    robot_->put(robot_->slot(2), {.sticker = "MX0002L8", .cartridge = nullptr});
    changer_ = open(*robot_);
    static_cast<void>(robot_->take_commands());
  }
  std::optional<ErrorCode> error_moving(std::uint16_t from, std::uint16_t to) {
    return error_of([&] {
      changer_->move(from, to);
      return 0;
    });
  }
  void plan(FaultKind kind, std::uint8_t operation, std::uint8_t key = 0, std::uint8_t asc = 0,
            std::uint8_t ascq = 0) {
    robot_->plan({.kind = kind, .operation = operation, .key = key, .asc = asc, .ascq = ascq});
  }

  std::unique_ptr<EmulatedChanger> robot_;
  std::unique_ptr<ScsiChanger> changer_;
};

TEST_F(ScsiChangerTest, EveryElementIsThereWithItsNumberAndItsBarcode) {
  build();
  const auto elements = changer_->elements();
  ASSERT_EQ(elements.size(), 1U + 8 + 2 + 1);
  const Element* slot = find(elements, robot_->slot(2));
  ASSERT_NE(slot, nullptr);
  EXPECT_EQ(slot->barcode, "MX0002L8");
  EXPECT_EQ(place_name(*slot), "slot 2");
  EXPECT_FALSE(find(elements, robot_->slot(3))->full);
  EXPECT_EQ(place_name(*find(elements, robot_->import_export(2))), "import/export 2");
  EXPECT_EQ(place_name(elements.front()), "the robot's hand");
  EXPECT_THAT(robot_->take_commands(), Not(Contains(kInventory)));
}

TEST_F(ScsiChangerTest, ACartridgeIsMovedWhileTheDoorIsLocked) {
  build();
  changer_->move(robot_->slot(2), robot_->drive(1));
  EXPECT_EQ(robot_->at(robot_->drive(1)), "MX0002L8");
  EXPECT_THAT(robot_->take_commands(), ElementsAre(kPrevent, kMove, kPrevent));
  EXPECT_FALSE(robot_->is_door_locked());
  EXPECT_EQ(find(changer_->elements(), robot_->drive(1))->source, robot_->slot(2));
}

TEST_F(ScsiChangerTest, FullAndEmptyAreToldApart) {
  build();
  robot_->put(robot_->slot(1), {.sticker = "MX0001L8", .cartridge = nullptr});
  EXPECT_EQ(error_moving(robot_->slot(1), robot_->slot(2)), ErrorCode::conflict);
  EXPECT_EQ(error_moving(robot_->slot(5), robot_->slot(6)), ErrorCode::not_found);
  EXPECT_EQ(error_moving(1, 9999), ErrorCode::invalid);
  EXPECT_FALSE(robot_->is_door_locked());
}

TEST_F(ScsiChangerTest, AJamIsAnErrorAndTheCartridgeIsInTheHand) {
  build();
  plan(FaultKind::jam, kMove);
  EXPECT_EQ(error_moving(robot_->slot(2), robot_->drive(1)), ErrorCode::io);
  EXPECT_EQ(changer_->elements().front().barcode, "MX0002L8");
  EXPECT_FALSE(robot_->is_door_locked());
}

TEST_F(ScsiChangerTest, ADriveThatKeepsItsCartridgeIsLocked) {
  build();
  plan(FaultKind::sense, kMove, 0x5, 0x53, 0x03);
  EXPECT_EQ(error_moving(robot_->slot(2), robot_->drive(1)), ErrorCode::locked);
}

TEST_F(ScsiChangerTest, TwoThousandSlotsTakeMoreThanOneQuestion) {
  build({.slots = 2000, .vendor_bytes = 8});
  robot_->put(robot_->slot(2000), {.sticker = "MX2000L8", .cartridge = nullptr});
  const auto elements = changer_->elements();
  EXPECT_EQ(elements.size(), 1U + 2000 + 2 + 1);
  EXPECT_EQ(find(elements, robot_->slot(2000))->barcode, "MX2000L8");
  EXPECT_EQ(find(elements, robot_->slot(2000))->number, 2000U);
  EXPECT_GE(std::ranges::count(robot_->take_commands(), kStatus), 10);
}

TEST_F(ScsiChangerTest, LongDescriptorsAreReadFewAtATime) {
  build({.slots = 300, .vendor_bytes = 3000});
  EXPECT_EQ(changer_->elements().size(), 1U + 300 + 2 + 1);
}

TEST_F(ScsiChangerTest, WhatAChangerLacksIsDoneWithoutAndNoted) {
  build({.has_barcode_reader = false, .tells_drive_identifiers = false, .like_tgt = true});
  const auto elements = changer_->elements();
  EXPECT_TRUE(find(elements, robot_->slot(2))->full);
  EXPECT_EQ(find(elements, robot_->slot(2))->barcode, "");
  EXPECT_EQ(find(elements, robot_->drive(1))->identifier, "");
  static_cast<void>(robot_->take_commands());
  changer_->move(robot_->slot(2), robot_->slot(3));
  EXPECT_THAT(robot_->take_commands(), ElementsAre(kMove));
  EXPECT_THAT(changer_->identity().notes, testing::SizeIs(3));
  EXPECT_EQ(changer_->identity().vendor, "IBM");
}

TEST_F(ScsiChangerTest, TheCapabilitiesPageIsOptional) {
  build({.lacking_mode_pages = {0x1f}});
  changer_->move(robot_->slot(2), robot_->drive(1));
  EXPECT_EQ(robot_->at(robot_->drive(1)), "MX0002L8");
}

TEST_F(ScsiChangerTest, AMoveThatItSaysItCannotMakeIsNotTried) {
  build({.moves_from_drive_to_door = false});
  changer_->move(robot_->slot(2), robot_->drive(1));
  static_cast<void>(robot_->take_commands());
  EXPECT_EQ(error_moving(robot_->drive(1), robot_->import_export(1)), ErrorCode::unsupported);
  EXPECT_THAT(robot_->take_commands(), testing::IsEmpty());
}

TEST_F(ScsiChangerTest, ItIsWaitedForWhileItGetsReadyButNotForever) {
  build({.polls_until_ready = 20});
  EXPECT_EQ(changer_->elements().size(), 12U);
  EmulatedChanger never({.polls_until_ready = 1'000'000});
  EXPECT_EQ(error_of([&] { return open(never); }), ErrorCode::io);
}

TEST_F(ScsiChangerTest, BusyAndUnitAttentionsAreOnlyNews) {
  build();
  plan(FaultKind::busy, kStatus);
  plan(FaultKind::sense, kStatus, 0x6, 0x28, 0x01);
  robot_->put(robot_->import_export(1), {.sticker = "MX0009L8", .cartridge = nullptr});
  EXPECT_EQ(find(changer_->elements(), robot_->import_export(1))->barcode, "MX0009L8");
}

TEST_F(ScsiChangerTest, OneThatStaysBusyIsUsedByOthersAndSaysSo) {
  build();
  for (int i = 0; i < 100; ++i) {
    plan(FaultKind::busy, kMove);
  }
  EXPECT_EQ(error_moving(robot_->slot(2), robot_->slot(3)), ErrorCode::locked);
}

TEST_F(ScsiChangerTest, EndlessUnitAttentionsComeToAnEnd) {
  build();
  for (int i = 0; i < 100; ++i) {
    plan(FaultKind::sense, kMove, 0x6, 0x29, 0x00);
  }
  EXPECT_EQ(error_moving(robot_->slot(2), robot_->slot(3)), ErrorCode::io);
}

TEST_F(ScsiChangerTest, AChangerThatHasNotCountedIsAskedToOnce) {
  build({.needs_inventory = true});
  EXPECT_EQ(changer_->elements().size(), 12U);
  EXPECT_THAT(robot_->take_commands(), Contains(kInventory).Times(1));
  for (int i = 0; i < 2; ++i) {
    plan(FaultKind::sense, kStatus, 0x4, 0x44, 0x00);
    EXPECT_EQ(error_of([&] { return changer_->elements(); }), ErrorCode::io);
  }
  EXPECT_THAT(robot_->take_commands(), Not(Contains(kInventory)));
}

TEST_F(ScsiChangerTest, SenseInDescriptorFormatIsUnderstoodToo) {
  build({.descriptor_sense = true});
  EXPECT_EQ(error_moving(robot_->slot(5), robot_->slot(6)), ErrorCode::not_found);
}

TEST_F(ScsiChangerTest, WhereverTheConnectionIsLostThereIsAnErrorAndNoCartridgeIsLost) {
  for (std::uint64_t command = 0; command < 12; ++command) {
    EmulatedChanger robot;
    robot.put(robot.slot(2), {.sticker = "MX0002L8", .cartridge = nullptr});
    robot.plan({.kind = FaultKind::connection_lost, .command = command});
    EXPECT_EQ(error_of([&] {
                const auto changer = open(robot);
                changer->move(robot.slot(2), robot.drive(1));
                return changer->elements();
              }),
              ErrorCode::io)
        << command;
    EXPECT_NE(robot.at(robot.slot(2)).has_value(), robot.at(robot.drive(1)).has_value());
  }
}

// Answers each command with the same, whatever it was.
class StubbornTarget final : public tapeio::scsi::Transport {
 public:
  StubbornTarget(std::unique_ptr<Transport> first, Bytes status)
      : first_(std::move(first)), status_(std::move(status)) {}
  std::string name() const override { return "stubborn"; }
  std::size_t most_data() const override { return MiB; }
  tapeio::scsi::Reply execute(const tapeio::scsi::Command& command) override {
    if (command.cdb[0] != kStatus) {
      return first_->execute(command);
    }
    tapeio::scsi::Reply reply;
    reply.transferred = std::min(status_.size(), command.in.size());
    std::memcpy(command.in.data(), status_.data(), reply.transferred);
    return reply;
  }

 private:
  std::unique_ptr<Transport> first_;
  Bytes status_;
};

TEST_F(ScsiChangerTest, ATargetThatRepeatsItselfOrClaimsTooMuchIsAnError) {
  EmulatedChanger robot;
  Bytes status(8 + 8 + 12);
  status[7] = std::byte{20};
  status[8] = std::byte{1};    // The hand ...
  status[11] = std::byte{12};  // ... with descriptors of 12 bytes ...
  status[15] = std::byte{12};  // ... and one of them, about element 0.
  ScsiChanger repeating(std::make_unique<StubbornTarget>(robot.connect(), status), {.pause = 1ms});
  EXPECT_EQ(error_of([&] { return repeating.elements(); }), ErrorCode::io);

  Bytes huge(8);
  huge[5] = huge[6] = huge[7] = std::byte{0xff};
  ScsiChanger claiming(std::make_unique<StubbornTarget>(robot.connect(), huge), {.pause = 1ms});
  EXPECT_EQ(error_of([&] { return claiming.elements(); }), ErrorCode::io);
}

}  // namespace
}  // namespace mixtape::test
