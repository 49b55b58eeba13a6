// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "engine/format/tar.h"
#include "tapeio/error.h"
#include "tests/format/tar_fixture.h"

// Sparse files: only the data are stored, with a map in front, and holes come back as zeros.

namespace mixtape::format::test {
namespace {

using Extents = std::vector<SparseExtent>;

TarMember sparse_of(Extents extents, std::uint64_t size) {
  TarMember member = file_named("disk.img", size);
  member.sparse = std::move(extents);
  return member;
}

void expect_refused(const TarMember& member) {
  try {
    encode_header(member);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid);
  }
}

void expect_corrupt_map(std::string map, std::uint64_t real_size) {
  map.resize(round_up(map.size(), kTarBlock));
  try {
    SparseMap(real_size).take(as_bytes(map));
    ADD_FAILURE() << "accepted: " << map;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt);
  }
}

TEST(TarSparse, HolesComeBackAsZeros) {
  const Content content = sparse_file("disk.img");
  const auto read = read_archive(archive_of({content}));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].member, content.member);
  std::string expected(MiB, '\0');
  expected.replace(4096, 512, 512, 'f');
  expected.replace(700'416, 6, "second");
  EXPECT_EQ(read[0].data, expected);
}

TEST(TarSparse, DataAtBothEndsAndFilesThatAreAllHoleSurvive) {
  for (const Extents& extents :
       {Extents{}, Extents{{0, 1}}, Extents{{9'728, 272}}, Extents{{0, 10'000}},
        Extents{{0, 512}, {512, 512}, {9'728, 271}}}) {
    const TarMember member = sparse_of(extents, 10'000);
    std::string data;
    for (const SparseExtent& extent : extents) {
      data += std::string(extent.size, 'x');
    }
    const auto read = read_archive(archive_of({{member, data}}));
    ASSERT_EQ(read.size(), 1U);
    EXPECT_EQ(read[0].member, member);
    ASSERT_EQ(read[0].data.size(), 10'000U);
    EXPECT_EQ(static_cast<std::size_t>(std::count(read[0].data.begin(), read[0].data.end(), 'x')),
              data.size());
  }
  const TarMember empty = sparse_of({}, 0);
  EXPECT_EQ(read_archive(archive_of({{empty, ""}}))[0].member, empty);
}

TEST(TarSparse, NamesOfAnyLengthAndBytesSurvive) {
  for (const std::string& name : {std::string("d/e/disk.img"), std::string(300, 'n'),
                                  "d/" + std::string(250, 'n') + "/\xff"}) {
    const Content content = sparse_file(name);
    EXPECT_EQ(read_archive(archive_of({content}))[0].member, content.member);
  }
}

TEST(TarSparse, MapsOfManyBlocksSurvive) {
  Extents extents;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    extents.push_back({i * 2 * GiB, 512});
  }
  const TarMember member = sparse_of(extents, 20'000 * 2 * GiB);
  const TarHeader header = encode_header(member);
  SparseMap map(member.size);
  EXPECT_EQ(map.take(header.sparse_map), header.sparse_map.size());
  EXPECT_TRUE(map.is_whole());
  EXPECT_EQ(map.extents(), extents);
  Bytes archive = header.blocks;
  append(archive, header.sparse_map);
  MemorySource source(archive);
  TarReader reader(source);
  EXPECT_EQ(reader.next()->member, member);
}

TEST(TarSparse, MapAsksForMoreUntilItIsWhole) {
  const TarMember member = sparse_file("disk.img").member;
  Bytes stored = encode_header(member).sparse_map;
  ASSERT_EQ(stored.size(), kTarBlock);
  append(stored, as_bytes("data"));
  for (std::size_t piece = 1; piece < stored.size(); ++piece) {
    SparseMap map(MiB);
    std::size_t taken = 0;
    while (!map.is_whole()) {
      const std::size_t size = std::min(piece, stored.size() - taken);
      taken += map.take(ByteView(stored).subspan(taken, size));
      EXPECT_EQ(map.is_whole(), taken == kTarBlock);
    }
    EXPECT_EQ(map.take(ByteView(stored).subspan(taken)), 0U);
    EXPECT_EQ(map.extents(), member.sparse);
  }
}

TEST(TarSparse, TheLargestMapThatIsWrittenIsRead) {
  Extents extents;
  for (std::uint64_t i = 1; i <= kMaxSparseExtents; ++i) {
    extents.push_back({i << 42, 512});
  }
  const TarMember member = sparse_of(extents, (kMaxSparseExtents + 1) << 42);
  SparseMap map(member.size);
  map.take(encode_header(member).sparse_map);
  EXPECT_TRUE(map.is_whole());
  EXPECT_EQ(map.extents(), extents);
}

TEST(TarSparse, ExtentsThatAreNoOrderedBlocksOfTheFileAreRefused) {
  expect_refused(sparse_of({{0, 0}}, 2048));
  expect_refused(sparse_of({{1024, 1025}}, 2048));
  expect_refused(sparse_of({{2560, 1}}, 2048));
  expect_refused(sparse_of({{1, 512}}, 2048));
  expect_refused(sparse_of({{0, 511}, {512, 512}}, 2048));
  expect_refused(sparse_of({{0, 1024}, {512, 512}}, 2048));
  expect_refused(sparse_of({{512, 512}, {0, 512}}, 2048));
  expect_refused(sparse_of({{512, UINT64_MAX}}, 2048));
}

TEST(TarSparse, WhateverExtentsAFileSystemTellsBecomeWholeBlocks) {
  EXPECT_EQ(whole_blocks({}, 5000), Extents{});
  EXPECT_EQ(whole_blocks({{0, 1}}, 5000), (Extents{{0, 512}}));
  EXPECT_EQ(whole_blocks({{511, 2}}, 5000), (Extents{{0, 1024}}));
  EXPECT_EQ(whole_blocks({{512, 512}}, 5000), (Extents{{512, 512}}));
  EXPECT_EQ(whole_blocks({{4999, 1}}, 5000), (Extents{{4608, 392}}));
  EXPECT_EQ(whole_blocks({{0, 100}, {400, 10}, {600, 1}}, 5000), (Extents{{0, 1024}}));
  EXPECT_EQ(whole_blocks({{0, 100}, {1024, 1}}, 5000), (Extents{{0, 512}, {1024, 512}}));
}

TEST(TarSparse, HostileMapsAreCorrupt) {
  expect_corrupt_map("x\n", 100);
  expect_corrupt_map("\n", 100);
  expect_corrupt_map("-1\n", 100);
  expect_corrupt_map("99999999999999999999\n", 100);
  expect_corrupt_map("1048578\n", 100);
  expect_corrupt_map(std::string(30, '1'), 100);
  expect_corrupt_map("1\n0\n101\n", 100);
  expect_corrupt_map("1\n101\n0\n", 100);
  expect_corrupt_map("1\n50\n18446744073709551615\n", 100);
  expect_corrupt_map("2\n10\n10\n19\n1\n", 100);
}

}  // namespace
}  // namespace mixtape::format::test
