// SPDX-License-Identifier: Apache-2.0
#include "tapeio/dir_layout.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"

namespace mixtape::tapeio {
namespace {

using test::error_of;

TEST(TapeFileNames, NumberAndHintMakeTheName) {
  EXPECT_EQ(tape_file_name(0, "archaeology.tar"), "0000.archaeology.tar");
  EXPECT_EQ(tape_file_name(12, "index.sqlite.age"), "0012.index.sqlite.age");
  EXPECT_EQ(tape_file_name(12345, "archive.tar.age"), "12345.archive.tar.age");
}

TEST(TapeFileNames, UnusableHintsBecomeData) {
  const std::string too_long(65, 'a');
  for (const std::string& hint :
       {std::string(), std::string("../../etc"), std::string("a/b"), std::string("UPPER"),
        std::string("sp ace"), std::string(".hidden"), std::string("part"), std::string("x.part"),
        std::string("nul\0byte", 8), std::string("new\nline"), too_long}) {
    EXPECT_EQ(tape_file_name(3, hint), "0003.data") << hint;
  }
  EXPECT_EQ(tape_file_name(3, std::string(64, 'a')).size(), 5u + 64);
}

TEST(TapeFileNames, EveryNameIsReadBackAsItsNumber) {
  for (const std::uint64_t number : {0u, 1u, 9999u, 10000u, 999999999u}) {
    const std::string name = tape_file_name(number, "archive.tar.age");
    ASSERT_TRUE(parse_tape_file_name(name).has_value()) << name;
    EXPECT_EQ(parse_tape_file_name(name)->number, number);
    EXPECT_FALSE(parse_tape_file_name(name)->unfinished);
    EXPECT_TRUE(parse_tape_file_name(name + ".part")->unfinished);
  }
}

TEST(TapeFileNames, ForeignNamesAreNotOurs) {
  for (const char* name :
       {"", ".", "..", ".DS_Store", "notes.txt", "000.x", "0000", "0000.", "-001.x", "0x00.x",
        "00001.x", "1234567890.x", "mixtape-medium", "a0000.x", "0 00.x"}) {
    EXPECT_FALSE(parse_tape_file_name(name).has_value()) << name;
  }
}

TEST(MediumDescription, ComesBackFromItsText) {
  const MediumDescription without{.capacity_bytes = 5 * TiB, .record_size = 0};
  const MediumDescription with{.capacity_bytes = 1, .record_size = 4 * MiB};
  EXPECT_EQ(decode_medium_description(encode(without)), without);
  EXPECT_EQ(decode_medium_description(encode(with)), with);
}

TEST(MediumDescription, ReadsWhatAPersonMayHaveMadeOfIt) {
  const MediumDescription description = decode_medium_description(
      "\r\n  # mine\n format=1\r\ncapacity_bytes\t=  1000 \nshelf = 7\nrecord_size = 512");
  EXPECT_EQ(description, (MediumDescription{.capacity_bytes = 1000, .record_size = 512}));
}

TEST(MediumDescription, NonsenseIsCorruptAndLaterFormatsAreUnsupported) {
  const auto code_of = [](const char* text) {
    return error_of([text] { return decode_medium_description(text); });
  };
  EXPECT_EQ(code_of(""), ErrorCode::corrupt);
  EXPECT_EQ(code_of("format = 1\n"), ErrorCode::corrupt);
  EXPECT_EQ(code_of("capacity_bytes = 1000\n"), ErrorCode::corrupt);
  EXPECT_EQ(code_of("format = 1\ncapacity_bytes = 0\n"), ErrorCode::corrupt);
  EXPECT_EQ(code_of("format = 1\ncapacity_bytes = -1\n"), ErrorCode::corrupt);
  EXPECT_EQ(code_of("format = 1\ncapacity_bytes = 1k\n"), ErrorCode::corrupt);
  EXPECT_EQ(code_of("format = 1\ncapacity_bytes = 99999999999999999999\n"), ErrorCode::corrupt);
  EXPECT_EQ(code_of("format = 1\ncapacity_bytes = 9\nrecord_size = 4194305\n"), ErrorCode::corrupt);
  EXPECT_EQ(code_of("format\n"), ErrorCode::corrupt);
  EXPECT_EQ(code_of("format = 2\n"), ErrorCode::unsupported);
}

TEST(DirLayout, AddressesCountRecordsAndFilemarksOfAllFiles) {
  DirLayout layout(100, 10);
  EXPECT_EQ(layout.end_block(), 0u);
  EXPECT_EQ(layout.file_at(0), 0u);
  layout.append("0000.a", {.size = 200});  // Blocks 0 1, filemark 2.
  layout.append("0001.b", {.size = 0});    // Filemark 3.
  layout.append("0002.c", {.size = 201});  // Blocks 4 5 6, filemark 7.
  EXPECT_EQ(layout.end_block(), 8u);
  EXPECT_EQ(layout.end_used(), 431u);
  const std::size_t files[] = {0, 0, 0, 1, 2, 2, 2, 2, 3, 3};
  for (std::uint64_t block = 0; block < std::size(files); ++block) {
    EXPECT_EQ(layout.file_at(block), files[block]) << block;
  }
  layout.truncate(1);
  EXPECT_EQ(layout.end_block(), 3u);
  EXPECT_EQ(layout.end_used(), 210u);
}

}  // namespace
}  // namespace mixtape::tapeio
