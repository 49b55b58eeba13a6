// SPDX-License-Identifier: Apache-2.0
#include "tapeio/bytes.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tapeio/error.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

namespace mixtape {
namespace {

using test::error_of;

TEST(Bytes, HexIsLowerCaseAndComesBack) {
  const Bytes bytes = {std::byte{0x00}, std::byte{0x7f}, std::byte{0xa5}, std::byte{0xff}};
  EXPECT_EQ(to_hex(bytes), "007fa5ff");
  EXPECT_EQ(from_hex("007fa5ff"), bytes);
  EXPECT_EQ(from_hex("007FA5FF"), bytes);
  EXPECT_EQ(to_hex({}), "");
  EXPECT_TRUE(from_hex("").empty());
}

TEST(Bytes, HexRefusesOddNumbersAndOtherCharacters) {
  for (const char* bad : {"0", "abc", "0g", "g0", " 0", "0x", "-1", "/0", ":0", "@0", "`0"}) {
    EXPECT_EQ(error_of([&] { return from_hex(bad); }), ErrorCode::invalid) << bad;
  }
}

TEST(Bytes, BigEndianNumbersComeBackFromAnyPlace) {
  Bytes bytes(9);
  store_big_endian<std::uint64_t>(bytes.data() + 1, 0x0102030405060708);
  EXPECT_EQ(to_hex(bytes), "000102030405060708");
  EXPECT_EQ(load_big_endian<std::uint64_t>(bytes.data() + 1), 0x0102030405060708u);
  EXPECT_EQ(load_big_endian<std::uint16_t>(bytes.data() + 7), 0x0708u);
  store_big_endian<std::uint8_t>(bytes.data(), 0xfe);
  EXPECT_EQ(load_big_endian<std::uint8_t>(bytes.data()), 0xfeu);
}

TEST(Bytes, RoundingUpKeepsMultiples) {
  EXPECT_EQ(round_up(0, 512), 0u);
  EXPECT_EQ(round_up(1, 512), 512u);
  EXPECT_EQ(round_up(511, 512), 512u);
  EXPECT_EQ(round_up(512, 512), 512u);
  EXPECT_EQ(round_up(513, 512), 1024u);
}

TEST(Errors, CodesOfErrnoSayWhatToDo) {
  const auto code_of = [](int number) {
    return error_of([number]() -> int { throw_errno("open /x", number); });
  };
  EXPECT_EQ(code_of(ENOSPC), ErrorCode::no_space);
  EXPECT_EQ(code_of(EDQUOT), ErrorCode::no_space);
  EXPECT_EQ(code_of(ENOENT), ErrorCode::not_found);
  EXPECT_EQ(code_of(EACCES), ErrorCode::not_permitted);
  EXPECT_EQ(code_of(EPERM), ErrorCode::not_permitted);
  EXPECT_EQ(code_of(EROFS), ErrorCode::write_protected);
  EXPECT_EQ(code_of(EIO), ErrorCode::io);
  EXPECT_EQ(code_of(EBADF), ErrorCode::io);
}

TEST(Errors, MessageNamesAttemptAndReason) {
  try {
    throw_errno("open /x", ENOENT);
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "open /x: No such file or directory");
  }
}

TEST(Errors, EveryCodeHasItsName) {
  EXPECT_EQ(to_string(ErrorCode::io), "io");
  EXPECT_EQ(to_string(ErrorCode::wrong_medium), "wrong_medium");
  EXPECT_EQ(to_string(ErrorCode::cancelled), "cancelled");
}

TEST(ErrorsDeathTest, BrokenAssertionAbortsAndSaysWhich) {
  EXPECT_DEATH(MIXTAPE_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace mixtape
