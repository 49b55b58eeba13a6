// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "engine/format/tar.h"
#include "engine/format/tar_fields.h"
#include "tapeio/error.h"
#include "tests/format/tar_fixture.h"

// Archives from elsewhere, cut, damaged or made to harm: the reader ends in a value or in an Error.

namespace mixtape::format::test {
namespace {

std::optional<ErrorCode> code_of_reading(ByteView archive) {
  try {
    MemorySource source(archive);
    TarReader reader(source);
    Bytes piece(4096);
    // A mutated size may describe a hole of exabytes; a few pieces of each member tell enough.
    while (reader.next()) {
      for (int i = 0; i < 300 && reader.read(piece) > 0; ++i) {
      }
    }
    return std::nullopt;
  } catch (const Error& error) {
    return error.code();
  }
}

void expect_corrupt(ByteView archive) {
  EXPECT_EQ(code_of_reading(archive), ErrorCode::corrupt);
}

// A plain ustar block with anything in it; the checksum is made right.
Bytes raw_block(char type, std::string_view name, std::uint64_t size,
                const std::function<void(UstarHeader&)>& change = {}) {
  Bytes block(kTarBlock);
  auto& header = *reinterpret_cast<UstarHeader*>(block.data());
  std::copy(kPosixMagic.begin(), kPosixMagic.end(), header.magic);
  std::copy(name.begin(), name.end(), header.name);
  put_number(header.mode, 0644);
  put_number(header.size, static_cast<std::int64_t>(size));
  header.type = type;
  if (change) {
    change(header);
  }
  put_checksum(header);
  return block;
}

// An extension member ('x', 'g', 'L', 'K') with its text.
Bytes extension(char type, std::string_view text) {
  Bytes blocks = raw_block(type, "extension", text.size());
  append(blocks, as_bytes(text));
  blocks.resize(round_up(blocks.size(), kTarBlock));
  return blocks;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes archive;
  for (const Bytes& part : parts) {
    append(archive, part);
  }
  archive.resize(archive.size() + kTarEnd);
  return archive;
}

Bytes rich_archive() {
  TarMember rich = file_named(std::string(300, 'n'), 600);
  rich.uid = 3'000'000;
  rich.xattrs = {{"user.rating", "5"}, {"system.posix_acl_access", posix_acl()}};
  return archive_of({{member_of_type(MemberType::directory, "d"), ""},
                     {rich, std::string(600, 'r')},
                     {link_to(MemberType::symlink, "link", "\xff"), ""},
                     sparse_file("sparse")});
}

// --- Cut and damaged

TEST(TarHostile, CutAtAnyByteItEndsAsCorrupt) {
  const Bytes archive = rich_archive();
  ASSERT_EQ(code_of_reading(archive), std::nullopt);
  for (std::size_t size = 0; size < archive.size(); ++size) {
    EXPECT_EQ(code_of_reading(ByteView(archive).first(size)), ErrorCode::corrupt) << size;
  }
}

TEST(TarHostile, EveryFlippedBitBesideTheChecksumIsNoticed) {
  const Bytes archive = archive_of({text_file("a", "data")});
  for (std::size_t bit = 0; bit < kTarBlock * 8; ++bit) {
    // The checksum itself has bytes that mean nothing: a leading zero, what ends the digits.
    if (bit / 8 - offsetof(UstarHeader, checksum) < sizeof(UstarHeader::checksum)) {
      continue;
    }
    Bytes damaged = archive;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    expect_corrupt(damaged);
  }
}

TEST(TarHostile, RandomDamageWithRightChecksumsNeverCrashes) {
  const Bytes archive = rich_archive();
  std::mt19937 random(20261121);
  for (int round = 0; round < 20'000; ++round) {
    Bytes damaged = archive;
    for (int i = 0; i < 3; ++i) {
      const std::size_t at = random() % damaged.size();
      damaged[at] = static_cast<std::byte>(random());
      auto& block = *reinterpret_cast<UstarHeader*>(&damaged[at / kTarBlock * kTarBlock]);
      if (std::memcmp(block.magic, kPosixMagic.data(), 5) == 0) {
        put_checksum(block);
      }
    }
    const auto code = code_of_reading(damaged);
    EXPECT_TRUE(!code || code == ErrorCode::corrupt || code == ErrorCode::unsupported) << round;
  }
}

// Where a reader that lost its place takes the archive up again.
TEST(TarHostile, APlainHeaderIsKnownByItselfAndNothingElseIs) {
  TarMember member;
  member.name = "some/file";
  member.mode = 0644;
  member.owner = "me";
  member.size = 700;
  member.mtime_ns = 1'700'000'000'000'000'000;
  Bytes block = encode_header(member).blocks;
  ASSERT_EQ(block.size(), kTarBlock);
  EXPECT_EQ(plain_member(block), member);
  for (std::size_t at = 0; at < block.size(); ++at) {
    block[at] ^= std::byte{1};
    EXPECT_FALSE(plain_member(block)) << "flipped at " << at;
    block[at] ^= std::byte{1};
  }
  EXPECT_FALSE(plain_member(Bytes(kTarBlock)));
  EXPECT_FALSE(plain_member(raw_block('0', "some/file", 700))) << "another program's";
  EXPECT_FALSE(plain_member(raw_block('0', "../file", 0)));
}

TEST(TarHostile, ANameThatMayHaveBeenCutIsNone) {
  TarMember member;
  member.name = std::string(130, 'n');
  member.mode = 0644;
  const Bytes blocks = encode_header(member).blocks;
  ASSERT_EQ(blocks.size(), 3 * kTarBlock);
  EXPECT_TRUE(begins_member(ByteView(blocks).first(kTarBlock)));
  EXPECT_FALSE(plain_member(ByteView(blocks).last(kTarBlock)))
      << "its records, which have the whole name, may be what is lost";
}

TEST(TarHostile, BytesThatAreNoArchiveAreCorrupt) {
  expect_corrupt({});
  expect_corrupt(Bytes(kTarBlock, std::byte{'x'}));
  expect_corrupt(Bytes(kTarBlock));  // One zero block alone.
}

// --- Made to harm

TEST(TarHostile, NamesThatLeaveTheTreeAreCorrupt) {
  for (const char* name : {"/etc/passwd", "..", "a/..", "../a", "a/../b"}) {
    expect_corrupt(joined({raw_block('0', name, 0)}));
    expect_corrupt(joined({extension('L', name), raw_block('0', "a", 0)}));
    const std::string record = "path=" + std::string(name) + "\n";
    expect_corrupt(joined({extension('x', std::to_string(record.size() + 3) + " " + record),
                           raw_block('0', "a", 0)}));
    expect_corrupt(joined({raw_block(
        '1', "a", 0, [&](UstarHeader& header) { std::strcpy(header.link_target, name); })}));
  }
  expect_corrupt(joined({raw_block('0', "", 0)}));
}

TEST(TarHostile, SizesThatCannotBeAreCorrupt) {
  for (const std::int64_t size : {std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
    expect_corrupt(joined({raw_block('0', "a", static_cast<std::uint64_t>(size))}));
    expect_corrupt(joined({raw_block('x', "a", static_cast<std::uint64_t>(size))}));
  }
  expect_corrupt(joined({extension('x', "28 size=9223372036854775808\n"), raw_block('0', "a", 0)}));
  expect_corrupt(joined({raw_block('5', "directory with data", 1), Bytes(kTarBlock)}));
  expect_corrupt(joined({raw_block('0', "a", 0, [](UstarHeader& header) {
    std::memset(header.size, 0xbf, sizeof header.size);  // A base-256 number beyond 64 bits.
  })}));
}

TEST(TarHostile, ExtensionsAreBoundedAndMustDescribeAMember) {
  expect_corrupt(
      joined({extension('x', std::string(kMaxPaxSize + 1, 'x')), raw_block('0', "a", 0)}));
  expect_corrupt(joined({extension('x', "12 path=abc\n")}));
  Bytes globals;
  for (int i = 0; i < 70; ++i) {
    append(globals, extension('g', "1000 comment=" + std::string(986, 'c') + "\n"));
  }
  expect_corrupt(joined({globals, raw_block('0', "a", 0)}));
}

TEST(TarHostile, ExtensionsOfOneMemberAreBoundedTogether) {
  const auto attribute = [](char name, std::size_t size) {
    // Seven digits of length, a space and the line feed.
    std::string record = "SCHILY.xattr.user." + std::string(1, name) + "=";
    const std::string length = std::to_string(7 + 1 + size);
    record.resize(size - 1, 'v');
    return std::string(7 - length.size(), '0') + length + " " + record + "\n";
  };
  const Bytes half = extension('x', attribute('a', kMaxPaxSize / 2 - 8));
  const Bytes other_half = extension('x', attribute('b', kMaxPaxSize / 2 - 8));
  const Bytes member = raw_block('0', "a", 0);
  EXPECT_EQ(code_of_reading(joined({half, other_half, member, half, other_half, member})),
            std::nullopt);
  expect_corrupt(joined({half, other_half, extension('L', "x"), member}));
  expect_corrupt(joined({half, other_half, extension('x', "12 path=abc\n"), member}));
  Bytes empty;
  for (std::size_t i = 0; i <= kMaxExtensions; ++i) {
    append(empty, extension('x', ""));
  }
  expect_corrupt(joined({empty, member}));
}

TEST(TarHostile, MalformedPaxRecordsAreCorrupt) {
  for (const char* records : {"x",
                              "12",
                              "12 ",
                              "12 path=abc",
                              "13 path=abc\n",
                              "11 path=abc\n",
                              "0 a=\n",
                              "3 \n",
                              "5 =a\n",
                              "5 aa\n",
                              "-5 a=\n",
                              "99999999999999999999 a=b\n",
                              "12 size=0x1\n",
                              "11 size=-1\n",
                              "18 uid=4294967296\n",
                              "13 mtime=now\n",
                              "13 mtime=1.x\n",
                              "25 mtime=99999999999.5\n",
                              "17 SCHILY.xattr.\n",
                              "18 SCHILY.xattr.=\n"}) {
    EXPECT_EQ(code_of_reading(joined({extension('x', records), raw_block('0', "a", 0)})),
              ErrorCode::corrupt)
        << records;
  }
}

TEST(TarHostile, SparseMembersThatLieAreCorrupt) {
  const std::string major = "22 GNU.sparse.major=1\n";
  const std::string minor = "22 GNU.sparse.minor=0\n";
  const std::string size = "27 GNU.sparse.realsize=100\n";
  const auto sparse = [&](const std::string& records, std::string map, std::uint64_t stored) {
    map.resize(round_up(map.size(), kTarBlock));
    Bytes body(as_bytes(map).begin(), as_bytes(map).end());
    return joined({extension('x', records), raw_block('0', "a", stored), body});
  };
  EXPECT_EQ(code_of_reading(sparse(major + minor + size, "0\n", 512)), std::nullopt);
  expect_corrupt(sparse(major + minor, "0\n", 512));
  expect_corrupt(sparse(major + size, "0\n", 512));
  expect_corrupt(sparse(size, "0\n", 512));
  expect_corrupt(sparse(major + minor + size, "0\n", 511));
  expect_corrupt(sparse(major + minor + size, "0\n", 513));
  expect_corrupt(sparse(major + minor + size, "1\n0\n100\n", 512));
  expect_corrupt(sparse(major + minor + size, "1000000\n", 512));
  EXPECT_EQ(code_of_reading(sparse("25 GNU.sparse.numblocks=1\n", "", 0)), ErrorCode::corrupt);
  EXPECT_EQ(code_of_reading(sparse("26 GNU.sparse.numblocks=1\n", "", 0)), ErrorCode::unsupported);
}

TEST(TarHostile, MembersOfOtherTypesAreUnsupported) {
  for (const char type : {'S', 'M', 'V', 'D', 'A', '8', '~'}) {
    EXPECT_EQ(code_of_reading(joined({raw_block(type, "a", 0)})), ErrorCode::unsupported) << type;
  }
}

// --- From elsewhere

TarMember only_member(const Bytes& archive) {
  const auto contents = read_archive(archive);
  EXPECT_EQ(contents.size(), 1U);
  return contents.at(0).member;
}

TEST(TarForeign, GnuLongNamesAreRead) {
  const std::string name(300, 'n');
  const std::string target(300, 't');
  const auto gnu = [](UstarHeader& header) {
    std::copy(kGnuMagic.begin(), kGnuMagic.end(), header.magic);
    std::strcpy(header.prefix, "no prefix here");
  };
  const TarMember member =
      only_member(joined({extension('K', target + '\0'), extension('L', name + '\0'),
                          raw_block('2', "short", 0, gnu)}));
  EXPECT_EQ(member.name, name);
  EXPECT_EQ(member.link_target, target);
  EXPECT_EQ(only_member(joined({raw_block('0', "short", 0, gnu)})).name, "short");
}

TEST(TarForeign, GlobalRecordsHoldUntilAMemberSaysOtherwise) {
  const auto contents = read_archive(
      joined({extension('g', "13 uname=eve\n"), raw_block('0', "a", 0),
              extension('x', "13 uname=bob\n"), raw_block('0', "b", 0),
              extension('x', "10 uname=\n"), raw_block('0', "c", 0), raw_block('0', "d", 0)}));
  ASSERT_EQ(contents.size(), 4U);
  EXPECT_EQ(contents[0].member.owner, "eve");
  EXPECT_EQ(contents[1].member.owner, "bob");
  EXPECT_EQ(contents[2].member.owner, "");
  EXPECT_EQ(contents[3].member.owner, "eve");
}

TEST(TarForeign, NamesLoseWhatMeansNothing) {
  EXPECT_EQ(only_member(joined({raw_block('5', "./", 0)})).name, ".");
  EXPECT_EQ(only_member(joined({raw_block('5', "./a//b/./c/", 0)})).name, "a/b/c");
  EXPECT_EQ(only_member(joined({raw_block('\0', "old/", 0)})).type, MemberType::directory);
  EXPECT_EQ(only_member(joined({raw_block('\0', "old", 0)})).type, MemberType::file);
}

TEST(TarForeign, NumbersWithSpacesAndInBase256AreRead) {
  const TarMember member = only_member(joined({raw_block('0', "a", 0, [](UstarHeader& header) {
    std::memcpy(header.mode, "   644 ", 8);
    put_number(header.uid, 4'000'000'000);
    put_number(header.mtime, -5);
  })}));
  EXPECT_EQ(member.mode, 0644U);
  EXPECT_EQ(member.uid, 4'000'000'000U);
  EXPECT_EQ(member.mtime_ns, -5'000'000'000);
}

}  // namespace
}  // namespace mixtape::format::test
