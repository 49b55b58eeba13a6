// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/smc_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tapeio/error.h"
#include "tests/support/errors.h"

namespace mixtape::test {
namespace {

namespace scsi = tapeio::scsi;
using tapeio::Element;
using testing::ElementsAre;

Bytes bytes(std::initializer_list<int> values) {
  Bytes result;
  for (const int value : values) {
    result.push_back(static_cast<std::byte>(value));
  }
  return result;
}

void append(Bytes& to, const Bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
}

Bytes text(const std::string& content, std::size_t size) {
  Bytes result(size, std::byte{' '});
  std::copy(as_bytes(content).begin(), as_bytes(content).end(), result.begin());
  return result;
}

// One full slot at 1000 with a barcode.
Bytes slot_descriptor(const std::string& barcode = "MX0001L8") {
  Bytes one = bytes({0x03, 0xe8, 0x09, 0, 0, 0, 0, 0, 0, 0x80, 0x01, 0x02});
  append(one, text(barcode, 32));
  append(one, bytes({0, 0, 0, 0}));
  return one;
}

Bytes report(int kind, int flags, std::size_t descriptor_size, const Bytes& descriptors) {
  const auto size = static_cast<int>(descriptors.size());
  Bytes data = bytes({0x03, 0xe8, 0, 1, 0, 0, (size + 8) >> 8, (size + 8) & 0xff});
  append(data, bytes({kind, flags, static_cast<int>(descriptor_size >> 8),
                      static_cast<int>(descriptor_size & 0xff), 0, 0, size >> 8, size & 0xff}));
  append(data, descriptors);
  return data;
}

TEST(SmcCommands, CommandsHaveTheBytesOfTheStandard) {
  EXPECT_THAT(scsi::move_medium(0x1001, 0x0102),
              ElementsAre(0xa5, 0, 0, 0, 0x10, 0x01, 0x01, 0x02, 0, 0, 0, 0));
  EXPECT_THAT(scsi::read_element_status({.kind = Element::Kind::drive,
                                         .first = 0x0100,
                                         .count = 0x0203,
                                         .volume_tags = true,
                                         .drive_identifiers = true,
                                         .allocation = 0x012345}),
              ElementsAre(0xb8, 0x14, 0x01, 0x00, 0x02, 0x03, 0x01, 0x01, 0x23, 0x45, 0, 0));
  EXPECT_THAT(scsi::changer_mode_sense(0x1d), ElementsAre(0x1a, 0x08, 0x1d, 0, 252, 0));
  EXPECT_THAT(scsi::lock_changer_door(true), ElementsAre(0x1e, 0, 0, 0, 1, 0));
}

TEST(SmcCommands, ASlotIsReadWithItsBarcodeAndWhereItCameFrom) {
  const auto status = scsi::parse_element_status(report(2, 0x80, 48, slot_descriptor()));
  ASSERT_EQ(status.elements.size(), 1U);
  const Element& element = status.elements[0];
  EXPECT_EQ(element.kind, Element::Kind::slot);
  EXPECT_EQ(element.address, 1000);
  EXPECT_TRUE(element.full);
  EXPECT_TRUE(element.accessible);
  EXPECT_EQ(element.barcode, "MX0001L8");
  EXPECT_EQ(element.source, 0x0102);
}

TEST(SmcCommands, ADriveTellsItsSerialBehindBothVolumeTags) {
  Bytes one = slot_descriptor();
  append(one, Bytes(36));
  append(one, bytes({2, 1, 0, 34}));
  append(one, text("IBM     ULT3580-TD8     YX10000001", 34));
  const auto status = scsi::parse_element_status(report(4, 0xc0, one.size(), one));
  ASSERT_EQ(status.elements.size(), 1U);
  EXPECT_EQ(status.elements[0].identifier, "IBM     ULT3580-TD8     YX10000001");
}

TEST(SmcCommands, AnExceptionKeepsItsCode) {
  Bytes one = slot_descriptor();
  one[2] = std::byte{0x0d};
  one[4] = std::byte{0x83};
  one[5] = std::byte{0x01};
  const auto status = scsi::parse_element_status(report(2, 0x80, 48, one));
  EXPECT_TRUE(status.elements[0].exception);
  EXPECT_EQ(status.elements[0].exception_asc, 0x83);
  EXPECT_EQ(status.elements[0].exception_ascq, 0x01);
}

TEST(SmcCommands, AnEmptySlotHasNoBarcodeWhateverIsInTheTag) {
  Bytes one = slot_descriptor("GHOST");
  one[2] = std::byte{0x08};
  const auto status = scsi::parse_element_status(report(2, 0x80, 48, one));
  EXPECT_FALSE(status.elements[0].full);
  EXPECT_EQ(status.elements[0].barcode, "");
}

TEST(SmcCommands, ABarcodeIsShownWithoutWhatATerminalWouldObey) {
  const auto status =
      scsi::parse_element_status(report(2, 0x80, 48, slot_descriptor("A\x1b[2J\xff")));
  EXPECT_EQ(status.elements[0].barcode, "A?[2J?");
}

TEST(SmcCommands, DescriptorsTooShortForTheStandardAreRefused) {
  for (const std::size_t size : {0U, 1U, 11U}) {
    EXPECT_EQ(error_of([&] {
                return scsi::parse_element_status(report(2, 0x80, size, slot_descriptor()));
              }),
              ErrorCode::io);
  }
  EXPECT_EQ(
      error_of([&] { return scsi::parse_element_status(report(9, 0, 48, slot_descriptor())); }),
      ErrorCode::io);
}

TEST(SmcCommands, ATagOrAnIdentifierThatDoesNotFitIsNotThere) {
  Bytes one = slot_descriptor();
  one.resize(20);
  EXPECT_EQ(scsi::parse_element_status(report(2, 0x80, 20, one)).elements[0].barcode, "");
  Bytes drive = slot_descriptor();
  append(drive, bytes({2, 1, 0, 200, 'A', 'B'}));
  EXPECT_EQ(scsi::parse_element_status(report(4, 0x80, drive.size(), drive)).elements[0].identifier,
            "AB");
}

TEST(SmcCommands, CutAnywhereItGivesOnlyWholeElementsOrAnError) {
  Bytes two = slot_descriptor();
  append(two, slot_descriptor("MX0002L8"));
  const Bytes whole = report(2, 0x80, 48, two);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    if (size < 8) {
      EXPECT_EQ(error_of([&] { return scsi::parse_element_status(cut); }), ErrorCode::io);
    } else {
      const auto status = scsi::parse_element_status(cut);
      EXPECT_EQ(status.elements.size(), size < 16 + 48 ? 0U : 1U) << size;
      EXPECT_EQ(status.bytes_available, whole.size());
    }
  }
}

TEST(SmcCommands, RandomBytesDoNoHarm) {
  std::mt19937 random(7);
  Bytes two = slot_descriptor();
  append(two, slot_descriptor());
  const Bytes whole = report(4, 0xc0, 48, two);
  for (int round = 0; round < 20'000; ++round) {
    Bytes data = whole;
    for (int change = 0; change < 4; ++change) {
      data[random() % data.size()] = static_cast<std::byte>(random());
    }
    data.resize(random() % (data.size() + 1));
    static_cast<void>(error_of([&] { return scsi::parse_element_status(data); }));
    static_cast<void>(error_of([&] { return scsi::parse_element_assignment(data); }));
    static_cast<void>(error_of([&] { return scsi::parse_changer_capabilities(data); }));
    static_cast<void>(error_of([&] { return scsi::parse_changer_inquiry(data); }));
  }
}

TEST(SmcCommands, TheAssignmentOfElementsIsReadBehindABlockDescriptorToo) {
  Bytes page = bytes({0x9d, 0x12, 0, 1, 0, 1, 0x10, 0, 0, 24, 0x03, 0x01, 0, 2, 1, 0, 0, 1, 0, 0});
  Bytes data = bytes({31, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0});
  append(data, page);
  const auto assignment = scsi::parse_element_assignment(data);
  EXPECT_EQ(assignment.of(Element::Kind::transport), (scsi::ElementRange{1, 1}));
  EXPECT_EQ(assignment.of(Element::Kind::slot), (scsi::ElementRange{4096, 24}));
  EXPECT_EQ(assignment.of(Element::Kind::import_export), (scsi::ElementRange{769, 2}));
  EXPECT_EQ(assignment.of(Element::Kind::drive), (scsi::ElementRange{256, 1}));
}

TEST(SmcCommands, ElementsBeyondTheLastAddressAreRefused) {
  const Bytes data = bytes(
      {23, 0, 0, 0, 0x1d, 0x12, 0, 1, 0, 1, 0xff, 0xff, 0, 2, 0, 0, 0, 0, 1, 0x00, 0x00, 1, 0, 0});
  EXPECT_EQ(error_of([&] { return scsi::parse_element_assignment(data); }), ErrorCode::io);
}

TEST(SmcCommands, AnotherPageThanWasAskedForIsRefused) {
  const Bytes data =
      bytes({23, 0, 0, 0, 0x1c, 0x12, 0, 1, 0, 1, 0, 2, 0, 2, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0});
  EXPECT_EQ(error_of([&] { return scsi::parse_element_assignment(data); }), ErrorCode::io);
}

TEST(SmcCommands, AChangerThatSaysThatItMovesNothingDoesNotKnowThePage) {
  scsi::ChangerCapabilities capabilities;
  EXPECT_TRUE(capabilities.moves(Element::Kind::slot, Element::Kind::drive));
  capabilities.moves_from[1] = 0x08;
  EXPECT_TRUE(capabilities.moves(Element::Kind::slot, Element::Kind::drive));
  EXPECT_FALSE(capabilities.moves(Element::Kind::drive, Element::Kind::import_export));
}

}  // namespace
}  // namespace mixtape::test
