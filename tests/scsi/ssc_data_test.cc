// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/ssc_data.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace mixtape::tapeio::scsi {
namespace {

Bytes bytes(std::string_view hex) {
  return from_hex(hex);
}

TEST(SscData, PositionOfACompleteAnswer) {
  const Bytes data = bytes(
      "8000000000000000"
      "0000000000000102"
      "0000000000000003"
      "0000000000000000");
  const auto position = parse_complete_position(data);
  ASSERT_TRUE(position.has_value());
  EXPECT_EQ(position->block, 0x102u);
  EXPECT_EQ(position->file, 3u);
  EXPECT_TRUE(position->at_beginning);
}

TEST(SscData, PositionUnknownToTheDriveIsUnknown) {
  Bytes complete(32), brief(20);
  complete[0] = std::byte{0x08};
  EXPECT_FALSE(parse_complete_position(complete).has_value());
  complete[0] = std::byte{0x04};
  EXPECT_FALSE(parse_complete_position(complete).has_value());
  brief[0] = std::byte{0x14};  // What tgt answers.
  EXPECT_FALSE(parse_brief_position(brief).has_value());
  brief[0] = std::byte{0x02};  // The address does not fit into 32 bits.
  EXPECT_FALSE(parse_brief_position(brief).has_value());
}

TEST(SscData, InquiryIsTrimmedAndPrintable) {
  Bytes data(36, std::byte{' '});
  data[0] = std::byte{0x01};
  data[8] = std::byte{'I'};
  data[9] = std::byte{0x07};
  const auto inquiry = parse_inquiry(data);
  ASSERT_TRUE(inquiry.has_value());
  EXPECT_EQ(inquiry->device_type, kTapeDeviceType);
  EXPECT_EQ(inquiry->vendor, "I?");
  EXPECT_EQ(inquiry->product, "");
}

TEST(SscData, DesignatorsAreThoseOfTheUnit) {
  const Bytes data = bytes(
      "0183001c"
      "01030008"
      "5000e11100000001"
      "0113000450000001"
      "02010004"
      "41424320");
  EXPECT_EQ(parse_designators(data), (std::vector<std::string>{"naa.5000e11100000001", "ABC"}));
}

TEST(SscData, ModesComeBackAsTheyWereBuiltInBothForms) {
  for (const ModeForm form : {ModeForm::six, ModeForm::ten}) {
    const ModeData mode{.buffered_mode = 1, .block_size = 512, .page = bytes("0f024000")};
    const auto parsed = parse_mode_data(build_mode_list(mode, form), form);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->buffered_mode, 1);
    EXPECT_EQ(parsed->block_size, 512u);
    EXPECT_EQ(parsed->page, mode.page);
  }
}

TEST(SscData, ModeListNeverClaimsThatAPageCanBeSaved) {
  const ModeData mode{.page = bytes("8f00")};
  const Bytes list = build_mode_list(mode, ModeForm::six);
  EXPECT_EQ(list[list.size() - 2], std::byte{0x0f});
}

TEST(SscData, LogParametersByTheirCode) {
  const auto log = parse_log_page(bytes("3100000c"
                                        "0001030400000011"
                                        "00030300"),
                                  0x31);
  ASSERT_TRUE(log.has_value());
  EXPECT_EQ(number_of(*log, 1), 0x11u);
  EXPECT_FALSE(number_of(*log, 3).has_value());
  EXPECT_FALSE(number_of(*log, 9).has_value());
  EXPECT_FALSE(parse_log_page(bytes("30000000"), 0x31).has_value());
}

TEST(SscData, AttributesComeBackAsTheyWereBuilt) {
  const std::vector<MediumAttribute> attributes = {
      {.id = 0x0806, .format = MediumAttribute::Format::ascii, .value = bytes("4d58")},
      {.id = 0x0808, .format = MediumAttribute::Format::text, .value = {}}};
  const auto parsed = parse_attributes(build_attribute_list(attributes));
  ASSERT_EQ(parsed.size(), 2u);
  EXPECT_EQ(parsed[0].id, 0x0806);
  EXPECT_EQ(parsed[0].value, attributes[0].value);
  EXPECT_EQ(parsed[1].format, MediumAttribute::Format::text);
}

TEST(SscData, AccessOrderNamesEachRangeOnceOrIsNone) {
  const BlockRange ranges[] = {{5, 6}, {1, 2}};
  Bytes answer = build_access_ranges(ranges);
  EXPECT_EQ(parse_access_order(answer, 2), (std::vector<std::size_t>{0, 1}));
  EXPECT_FALSE(parse_access_order(answer, 3).has_value());
  EXPECT_FALSE(parse_access_order(answer, 1).has_value());
  answer[8 + 32 + 14] = std::byte{0};  // Both are called 0 now.
  EXPECT_FALSE(parse_access_order(answer, 2).has_value());
}

TEST(SscData, WrapsOfTheFirstPartitionOnly) {
  EXPECT_EQ(parse_ends_of_wraps(bytes("001a0000"
                                      "000000000000000000000010"
                                      "000000010000000000000099")),
            (std::vector<std::uint64_t>{0x10}));
}

// Every parser with everything that a broken or evil target may send: it may find nothing, but it
// never reads a byte too far (the sanitizers watch) and never runs for ever.
TEST(SscData, HostileAnswersOfAnySizeAreSurvived) {
  const std::function<void(ByteView)> parsers[] = {
      [](ByteView data) { (void)parse_inquiry(data); },
      [](ByteView data) { (void)parse_serial(data); },
      [](ByteView data) { (void)parse_designators(data); },
      [](ByteView data) { (void)parse_operation_codes(data); },
      [](ByteView data) { (void)parse_brief_position(data); },
      [](ByteView data) { (void)parse_complete_position(data); },
      [](ByteView data) { (void)parse_extended_position(data); },
      [](ByteView data) { (void)parse_block_limits(data); },
      [](ByteView data) { (void)parse_mode_data(data, ModeForm::six); },
      [](ByteView data) { (void)parse_mode_data(data, ModeForm::ten); },
      [](ByteView data) { (void)parse_log_page(data, 0x12); },
      [](ByteView data) { (void)parse_attributes(data); },
      [](ByteView data) { (void)parse_access_order_limits(data); },
      [](ByteView data) { (void)parse_access_order(data, 3); },
      [](ByteView data) { (void)parse_ends_of_wraps(data); },
  };
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 80; ++size) {
    for (int round = 0; round < 20; ++round) {
      Bytes data(size);
      for (std::byte& byte : data) {
        const bool is_extreme = random() % 2 == 0;
        byte = static_cast<std::byte>(is_extreme ? (random() % 2 == 0 ? 0 : 0xff) : random());
      }
      if (size > 1) {  // Past the check of the page code, every other time.
        data[0] = round % 2 == 0 ? std::byte{0x12} : data[0];
        data[1] = round % 4 == 0 ? std::byte{0x80} : round % 4 == 1 ? std::byte{0x83} : data[1];
      }
      for (const auto& parse : parsers) {
        parse(data);
      }
    }
  }
}

}  // namespace
}  // namespace mixtape::tapeio::scsi
