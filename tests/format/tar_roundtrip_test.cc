// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "engine/format/tar.h"
#include "tapeio/error.h"
#include "tests/format/tar_fixture.h"

// Everything that a member can carry survives being written and read.

namespace mixtape::format::test {
namespace {

// The member as it comes back; the archive around it is checked for size on the way.
TarMember round_trip(const TarMember& member) {
  const TarHeader header = encode_header(member);
  EXPECT_EQ(header.blocks.size() % kTarBlock, 0U);
  EXPECT_EQ(measure_member(member).header, header.blocks.size());
  EXPECT_EQ(measure_member(member).stored, header.stored_size);
  EXPECT_EQ(measure_member(member).total(), member_size(header));
  Bytes archive = header.blocks;
  append(archive, header.sparse_map);
  MemorySource source(archive);
  TarReader reader(source);
  const auto found = reader.next();
  EXPECT_TRUE(found);
  EXPECT_EQ(found->data_offset, header.blocks.size());
  EXPECT_EQ(found->stored_size, header.stored_size);
  return found->member;
}

void expect_survives(const TarMember& member) {
  EXPECT_EQ(round_trip(member), member);
}

void expect_refused(const TarMember& member) {
  try {
    encode_header(member);
    ADD_FAILURE() << "accepted: " << member.name;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid);
  }
  EXPECT_THROW((void)measure_member(member), Error);
}

// --- Names

TEST(TarNames, OfEveryLengthSurvive) {
  for (std::size_t length = 1; length <= 300; ++length) {
    expect_survives(file_named(std::string(length, 'n')));
    expect_survives(member_of_type(MemberType::directory, std::string(length, 'd')));
  }
  expect_survives(file_named(std::string(4095, 'n')));
}

TEST(TarNames, WithASlashAtEveryPlaceSurvive) {
  for (const std::size_t length : {100, 101, 200, 254, 255, 256, 257, 300}) {
    for (std::size_t slash = 1; slash + 1 < length; ++slash) {
      std::string name(length, 'n');
      name[slash] = '/';
      expect_survives(file_named(name));
      expect_survives(member_of_type(MemberType::directory, name));
    }
  }
}

TEST(TarNames, OfAllBytesSurvive) {
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') {
      const std::string name = std::string("x") + static_cast<char>(byte);
      expect_survives(file_named(name));
      expect_survives(link_to(MemberType::symlink, "link", name));
    }
  }
}

TEST(TarNames, NearThePathLimitSurvive) {
  std::string name = "top";
  while (name.size() < 4090) {
    name += "/\xff" + std::string(std::min<std::size_t>(200, 4094 - name.size()), 'c');
  }
  expect_survives(file_named(name));
  expect_survives(link_to(MemberType::symlink, name, name));
  expect_survives(link_to(MemberType::hardlink, name, name));
}

TEST(TarNames, ThatLeaveTheTreeAreRefused) {
  for (const char* name :
       {"", "/", "/etc/passwd", "..", "a/..", "../a", "a/../b", ".", "./a", "a/.", "a//b", "a/"}) {
    expect_refused(file_named(name));
    expect_refused(link_to(MemberType::hardlink, "link", name));
  }
  expect_refused(file_named(std::string("nul\0byte", 8)));
}

TEST(TarNames, ThatOnlyLookLikeDotsAreNames) {
  for (const char* name : {"...", "..a", "a..", ".a", "a/.../b", " ", "-"}) {
    expect_survives(file_named(name));
  }
}

TEST(TarNames, NeedNoPaxRecordsWhileUstarHoldsThem) {
  TarMember member = file_named(std::string(100, 'n'));
  member.mtime_ns = 1'795'000'000'000'000'000;
  EXPECT_EQ(measure_member(member).header, kTarBlock);
  member.name = std::string(155, 'p') + "/" + std::string(100, 'n');
  EXPECT_EQ(measure_member(member).header, kTarBlock);
  member.name += 'n';
  EXPECT_GT(measure_member(member).header, kTarBlock);
}

TEST(TarNames, AreMarkedAsBinaryOnlyWhenTheyAreNotUtf8) {
  const auto marked = [](const std::string& name) {
    const Bytes blocks = encode_header(file_named(name)).blocks;
    return as_text(blocks).find("21 hdrcharset=BINARY\n") != std::string_view::npos;
  };
  EXPECT_FALSE(
      marked("Gr\xc3\xbc\xc3\x9f"
             "e"));
  EXPECT_FALSE(marked("\xf0\x9f\x93\xbc"));
  EXPECT_TRUE(marked("latin \xe9"));
  EXPECT_TRUE(marked("overlong \xc0\xaf"));
  EXPECT_TRUE(marked("surrogate \xed\xa0\x80"));
  EXPECT_TRUE(marked("cut \xe2\x82"));
  EXPECT_TRUE(marked("beyond \xf4\x90\x80\x80"));
}

// --- Metadata

TEST(TarTimes, SurviveToTheNanosecond) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kSecond = 1'000'000'000;
  for (const std::int64_t time :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, kSecond - 1, kSecond, -kSecond,
        -kSecond - 1, -kSecond + 1, 8'589'934'591 * kSecond, 8'589'934'592 * kSecond, kMost, kLeast,
        kLeast + 1}) {
    TarMember member = file_named("photo.raw");
    member.mtime_ns = time;
    expect_survives(member);
  }
}

TEST(TarIds, SurviveBeyondWhatOctalHolds) {
  for (const std::uint32_t id : {0U, 1U, 2'097'151U, 2'097'152U, 4'294'967'295U}) {
    TarMember member = file_named("photo.raw");
    member.uid = id;
    member.gid = 4'294'967'295U - id;
    expect_survives(member);
  }
}

TEST(TarOwners, OfAnyLengthAndBytesSurvive) {
  for (const std::string& name : {std::string(), std::string(31, 'o'), std::string(32, 'o'),
                                  std::string(200, 'o'), std::string("j\xf6rg")}) {
    TarMember member = file_named("photo.raw");
    member.owner = name;
    member.group = name;
    expect_survives(member);
  }
}

TEST(TarSizes, SurviveBeyondWhatOctalHolds) {
  for (const std::uint64_t size :
       {std::uint64_t{8 * GiB - 1}, std::uint64_t{8 * GiB}, std::uint64_t{20 * TiB},
        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())}) {
    EXPECT_EQ(round_trip(file_named("film.mov", size)).size, size);
  }
}

TEST(TarModes, SurviveAndNothingElsePasses) {
  TarMember member = file_named("photo.raw");
  for (member.mode = 0; member.mode <= 07777; ++member.mode) {
    expect_survives(member);
  }
  expect_refused(member);
}

TEST(TarTypes, AllSurvive) {
  expect_survives(member_of_type(MemberType::directory, "empty directory"));
  expect_survives(member_of_type(MemberType::fifo, "pipe"));
  expect_survives(link_to(MemberType::symlink, "link", "/absolute/../anything/"));
  expect_survives(link_to(MemberType::symlink, "link", std::string(4095, 't')));
  expect_survives(link_to(MemberType::hardlink, "second name", "first/name"));
  for (const MemberType type : {MemberType::character_device, MemberType::block_device}) {
    for (const std::uint32_t number : {0U, 7U, 4095U, 1048575U, 4'294'967'295U}) {
      TarMember device = member_of_type(type, "device");
      device.device_major = number;
      device.device_minor = number;
      expect_survives(device);
    }
  }
}

TEST(TarTypes, ThatContradictThemselvesAreRefused) {
  TarMember directory = member_of_type(MemberType::directory, "d");
  directory.size = 1;
  expect_refused(directory);
  TarMember file = file_named("f");
  file.link_target = "target";
  expect_refused(file);
  expect_refused(link_to(MemberType::symlink, "l", ""));
  file = file_named("f");
  file.same_content = true;
  expect_refused(file);
}

TEST(TarSameContent, IsAHardlinkWithItsOwnMetadata) {
  TarMember copy = link_to(MemberType::hardlink, "holiday/b.raw", "a.raw");
  copy.same_content = true;
  copy.mode = 0600;
  copy.mtime_ns = 42;
  copy.xattrs = {{"user.rating", "5"}};
  expect_survives(copy);
  EXPECT_EQ(measure_member(copy).stored, 0U);
}

// --- Extended attributes

TEST(TarXattrs, OfAnyNameAndValueSurvive) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) {
    all_bytes += static_cast<char>(byte);
  }
  TarMember member = file_named("photo.raw");
  member.xattrs = {{"security.capability", all_bytes},
                   {"user.%", "percent"},
                   {"user.%3D", "looks escaped"},
                   {"user.a=b", "equals"},
                   {"user.caf\xe9", "latin"},
                   {"user.empty", ""},
                   {"user.line\nfeed", "\n12 path=evil\n"}};
  expect_survives(member);
}

TEST(TarXattrs, OfEveryRecordLengthSurvive) {
  // The length in front of a record counts its own digits: 9/10, 99/100 and so on are the traps.
  for (std::size_t size = 0; size < 1100; ++size) {
    TarMember member = file_named("photo.raw");
    member.xattrs = {{"user.x", std::string(size, 'v')}};
    expect_survives(member);
  }
}

TEST(TarXattrs, FillingTheLimitSurviveAndOneMoreByteIsRefused) {
  TarMember member = file_named("photo.raw");
  member.mtime_ns = 0;
  // "1048576 SCHILY.xattr.user.x=" and the line feed.
  member.xattrs = {{"user.x", std::string(kMaxPaxSize - 29, 'v')}};
  expect_survives(member);
  member.xattrs[0].second += 'v';
  expect_refused(member);
}

TEST(TarAcls, StandInTheArchiveInWordsToo) {
  TarMember member = member_of_type(MemberType::directory, "shared");
  member.xattrs = {{"system.posix_acl_access", posix_acl()},
                   {"system.posix_acl_default", posix_acl()}};
  expect_survives(member);
  const Bytes blocks = encode_header(member).blocks;
  const std::string words = "user::rw-,user:1000:r--,group::r--,mask::r--,other::---\n";
  EXPECT_THAT(std::string(as_text(blocks)), testing::HasSubstr("SCHILY.acl.access=" + words));
  EXPECT_THAT(std::string(as_text(blocks)), testing::HasSubstr("SCHILY.acl.default=" + words));
}

TEST(TarAcls, ThatTheKernelWouldNotWriteStayPlainAttributes) {
  const std::string good = posix_acl();
  for (const std::string& value :
       {std::string(), good.substr(0, 4), good.substr(0, good.size() - 1), "\3" + good.substr(1),
        good.substr(0, 4) + "\x40" + good.substr(5), good.substr(0, 6) + "\x09" + good.substr(7)}) {
    TarMember member = file_named("photo.raw");
    member.xattrs = {{"system.posix_acl_access", value}};
    expect_survives(member);
    const Bytes blocks = encode_header(member).blocks;
    EXPECT_THAT(std::string(as_text(blocks)), testing::Not(testing::HasSubstr("SCHILY.acl")));
  }
}

// --- Archives

TEST(TarArchive, GivesMembersDataAndOffsetsInOrder) {
  const std::vector<Content> contents = {{member_of_type(MemberType::directory, "d"), ""},
                                         text_file("d/empty", ""),
                                         text_file("d/one", "1"),
                                         text_file("d/block", std::string(512, 'b')),
                                         text_file("d/more", std::string(513, 'm')),
                                         sparse_file("d/sparse")};
  const Bytes archive = archive_of(contents);
  MemorySource source(archive, 100);
  TarReader reader(source);
  std::uint64_t offset = 0;
  for (const Content& content : contents) {
    const auto found = reader.next();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->member, content.member);
    EXPECT_EQ(found->offset, offset);
    EXPECT_EQ(found->data_offset, offset + measure_member(content.member).header);
    if (!content.member.sparse) {
      EXPECT_EQ(read_data(reader), content.data);
    }
    offset += measure_member(content.member).total();
  }
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(offset + kTarEnd, archive.size());
}

TEST(TarArchive, CanBeReadWithoutTheData) {
  const Bytes archive = archive_of(
      {text_file("a", std::string(200'000, 'a')), sparse_file("s"), text_file("z", "last")});
  MemorySource source(archive);
  TarReader reader(source);
  EXPECT_EQ(reader.next()->member.name, "a");
  EXPECT_EQ(reader.next()->member.name, "s");
  EXPECT_EQ(reader.next()->member.name, "z");
  EXPECT_EQ(read_data(reader), "last");
}

TEST(TarArchive, IgnoresWhatFollowsItsEnd) {
  Bytes archive = archive_of({text_file("a", "data")});
  archive.resize(archive.size() + 70'001);
  EXPECT_EQ(read_archive(archive).size(), 1U);
}

}  // namespace
}  // namespace mixtape::format::test
