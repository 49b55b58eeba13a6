// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/fetch_extent.h"

#include <gtest/gtest.h>

#include "engine/format/age_stream.h"
#include "tapeio/error.h"
#include "tests/recall/tape_world.h"
#include "tests/support/patterns.h"

namespace mixtape::recall {
namespace {

using tapeio::TracedOperation;

class Collected final : public ContentSink {
 public:
  void write(ByteView more) override { bytes.insert(bytes.end(), more.begin(), more.end()); }
  void write_zeros(std::uint64_t count) override {
    bytes.resize(bytes.size() + count);
    zeros += count;
  }
  Bytes bytes;
  std::uint64_t zeros = 0;
};

// Of a content that is too large to be spelled out.
class WithoutHoles final : public ContentSink {
 public:
  void write(ByteView more) override { bytes.insert(bytes.end(), more.begin(), more.end()); }
  void write_zeros(std::uint64_t count) override { holes += bytes.empty() ? count : 0; }
  Bytes bytes;
  std::uint64_t holes = 0;  // Before the first byte.
};

class FetchExtentTest : public testing::Test {
 protected:
  ArchiveReader reader(const std::string& label = "A") {
    return {world_.library().load(label, tapeio::Library::Access::read), world_.identities()};
  }
  static Bytes fetch(ArchiveReader& reader, const Extent& extent, std::uint64_t size,
                     std::uint64_t from = 0) {
    Collected sink;
    EXPECT_TRUE(fetch_extent(reader, extent, size, from, sink, [] { return true; }));
    return sink.bytes;
  }
  static ErrorCode code_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorCode::io;
  }

  TapeWorld world_;
};

TEST_F(FetchExtentTest, AColdFileCostsOneLoadAndOneLocateToItsFirstRecord) {
  const Bytes other = test::pattern(3 * MiB, 1), bytes = test::pattern(200'000, 2);
  const Extent extent = world_.write_archive("A", {{other, {}}, {bytes, {}}})[1];
  ArchiveReader reader = this->reader();
  EXPECT_EQ(fetch(reader, extent, bytes.size()), bytes);
  EXPECT_EQ(world_.trace().count(TracedOperation::Kind::locate), 1u);
  EXPECT_EQ(world_.trace().seeks(), 1u);
  EXPECT_LE(world_.trace().count(TracedOperation::Kind::read_record), 6u);
}

TEST_F(FetchExtentTest, EveryRangeAroundEveryBorderComesBackRight) {
  const Bytes bytes = test::pattern(5 * format::kChunk, 3);
  const Extent extent = world_.write_one("A", bytes);
  ArchiveReader reader = this->reader();
  for (std::uint64_t from :
       {std::uint64_t{0}, format::kChunk - 1025, format::kChunk - 1024, format::kChunk,
        3 * format::kChunk - 1, bytes.size() - 1, bytes.size()}) {
    EXPECT_EQ(fetch(reader, extent, bytes.size(), from), Bytes(bytes.begin() + from, bytes.end()));
  }
}

TEST_F(FetchExtentTest, NeighboursInOneRecordAreReadOnce) {
  std::vector<ArchivedFile> files;
  for (std::uint64_t i = 0; i < 20; ++i) {
    files.push_back({test::pattern(1000 + i, i), {}});
  }
  const auto extents = world_.write_archive("A", files);
  ArchiveReader reader = this->reader();
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(fetch(reader, extents[i], files[i].bytes.size()), files[i].bytes);
  }
  EXPECT_EQ(world_.trace().count(TracedOperation::Kind::locate), 1u);
  EXPECT_LE(world_.trace().count(TracedOperation::Kind::read_record), 2u);
}

TEST_F(FetchExtentTest, AShortGapIsReadThroughAlsoOverFilemarks) {
  const Bytes first = test::pattern(100'000, 1), second = test::pattern(100'000, 2);
  const Extent one = world_.write_one("A", first), two = world_.write_one("A", second);
  ArchiveReader reader = this->reader();
  EXPECT_EQ(fetch(reader, one, first.size()), first);
  EXPECT_TRUE(reader.reaches(two));
  EXPECT_EQ(fetch(reader, two, second.size()), second);
  EXPECT_EQ(world_.trace().count(TracedOperation::Kind::locate), 1u);
}

TEST_F(FetchExtentTest, WhatLiesBehindTheHeadIsLocated) {
  const Bytes first = test::pattern(300'000, 1), second = test::pattern(300'000, 2);
  const auto extents = world_.write_archive("A", {{first, {}}, {second, {}}});
  ArchiveReader reader = this->reader();
  EXPECT_EQ(fetch(reader, extents[1], second.size()), second);
  EXPECT_FALSE(reader.reaches(extents[0]));
  EXPECT_EQ(fetch(reader, extents[0], first.size()), first);
  EXPECT_EQ(world_.trace().count(TracedOperation::Kind::locate), 2u);
}

TEST_F(FetchExtentTest, DamageInAGapDoesNotHarmTheFileBehindIt) {
  const Bytes first = test::pattern(100'000, 1), gap = test::pattern(500'000, 2),
              last = test::pattern(100'000, 3);
  const auto extents = world_.write_archive("A", {{first, {}}, {gap, {}}, {last, {}}});
  world_.lose_blocks("A", {extents[0].archive.first_block + 4});
  ArchiveReader reader = this->reader();
  EXPECT_EQ(fetch(reader, extents[0], first.size()), first);
  EXPECT_EQ(fetch(reader, extents[2], last.size()), last);
}

TEST_F(FetchExtentTest, PutsHolesBack) {
  Bytes bytes(1'000'000);
  const Bytes data = test::pattern(2048, 4);
  std::copy(data.begin(), data.end(), bytes.begin() + 512'000);
  for (bool at_end : {false, true}) {
    if (at_end) {
      bytes.resize(514'048);
    }
    const Extent extent = world_.write_archive("A", {{bytes, {{{512'000, 2048}}}}}).front();
    ArchiveReader reader = this->reader();
    Collected sink;
    EXPECT_TRUE(fetch_extent(reader, extent, bytes.size(), 0, sink, [] { return true; }));
    EXPECT_EQ(sink.bytes, bytes);
    EXPECT_EQ(sink.zeros, bytes.size() - 2048);
    for (std::uint64_t from : {511'999, 512'000, 513'000, 514'047, 514'048}) {
      EXPECT_EQ(fetch(reader, extent, bytes.size(), from),
                Bytes(bytes.begin() + from, bytes.end()));
    }
  }
}

// The data of so many extents are half a gigabyte: only those of the first one are there.
TEST_F(FetchExtentTest, TheLargestSparseMapThatIsWrittenIsRead) {
  format::TarMember member;
  member.name = "disk.img";
  member.size = (format::kMaxSparseExtents + 1) << 42;
  member.sparse.emplace();
  for (std::uint64_t i = 1; i <= format::kMaxSparseExtents; ++i) {
    member.sparse->push_back({i << 42, format::kTarBlock});
  }
  const format::TarHeader header = format::encode_header(member);
  const Bytes data = test::pattern(3 * format::kChunk, 10);
  Bytes stored = header.sparse_map;
  stored.insert(stored.end(), data.begin(), data.end());
  Extent extent = world_.write_one("A", stored);
  extent.sparse = true;
  extent.archive.plain_bytes += header.stored_size - extent.stored_size;
  extent.stored_size = header.stored_size;
  ArchiveReader reader = this->reader();
  WithoutHoles sink;
  EXPECT_FALSE(fetch_extent(reader, extent, member.size, 0, sink,
                            [&] { return sink.bytes.size() < format::kTarBlock; }));
  EXPECT_EQ(sink.holes, member.sparse->front().offset);
  EXPECT_TRUE(std::equal(sink.bytes.begin(), sink.bytes.end(), data.begin()));
}

TEST_F(FetchExtentTest, AFileOfHolesOnlyHasNoData) {
  const Bytes bytes(1'000'000);
  const Extent extent =
      world_.write_archive("A", {{bytes, std::vector<format::SparseExtent>{}}}).front();
  ArchiveReader reader = this->reader();
  EXPECT_EQ(fetch(reader, extent, bytes.size()), bytes);
}

TEST_F(FetchExtentTest, StopsWhenTold) {
  const Bytes bytes = test::pattern(10 * format::kChunk, 5);
  const Extent extent = world_.write_one("A", bytes);
  ArchiveReader reader = this->reader();
  Collected sink;
  EXPECT_FALSE(fetch_extent(reader, extent, bytes.size(), 0, sink,
                            [&] { return sink.bytes.size() < 2 * format::kChunk; }));
  EXPECT_LE(sink.bytes.size(), 3 * format::kChunk);
  EXPECT_LE(world_.trace().count(TracedOperation::Kind::read_record), 5u);
}

TEST_F(FetchExtentTest, ReleasesNoByteOfADamagedChunk) {
  const Bytes bytes = test::pattern(5 * format::kChunk, 6);
  const Extent extent = world_.write_one("A", bytes);
  world_.damage(extent, 2 * format::kChunk + 100);
  ArchiveReader reader = this->reader();
  Collected sink;
  EXPECT_EQ(code_of([&] {
              (void)fetch_extent(reader, extent, bytes.size(), 0, sink, [] { return true; });
            }),
            ErrorCode::corrupt);
  EXPECT_TRUE(std::equal(sink.bytes.begin(), sink.bytes.end(), bytes.begin()));
  EXPECT_LE(sink.bytes.size(), 2 * format::kChunk + 100);
  EXPECT_GE(sink.bytes.size(), format::kChunk);
}

TEST_F(FetchExtentTest, AnotherMediumUnderTheSameLabelIsNoticed) {
  const Bytes bytes = test::pattern(100'000, 7);
  Extent extent = world_.write_one("A", bytes);
  (void)world_.write_one("B", test::pattern(100'000, 8));
  ArchiveReader reader = this->reader("B");
  EXPECT_EQ(code_of([&] { (void)fetch(reader, extent, bytes.size()); }), ErrorCode::corrupt);
}

TEST_F(FetchExtentTest, ACatalogThatLiesIsRefused) {
  const Bytes bytes = test::pattern(100'000, 9);
  const Extent extent = world_.write_one("A", bytes);
  ArchiveReader reader = this->reader();
  Extent wrong = extent;
  wrong.stored_size = bytes.size() - 1;
  EXPECT_EQ(code_of([&] { (void)fetch(reader, wrong, bytes.size()); }), ErrorCode::corrupt);
  wrong = extent;
  wrong.sparse = true;
  EXPECT_EQ(code_of([&] { (void)fetch(reader, wrong, bytes.size()); }), ErrorCode::corrupt);
  wrong = extent;
  wrong.archive.record_size /= 2;
  EXPECT_NE(code_of([&] { (void)fetch(reader, wrong, bytes.size()); }), ErrorCode::cancelled);
  wrong = extent;
  wrong.data_offset = ~std::uint64_t{0} - 5;
  EXPECT_EQ(code_of([&] { (void)fetch(reader, wrong, bytes.size()); }), ErrorCode::corrupt);
  EXPECT_EQ(fetch(reader, extent, bytes.size()), bytes);
}

}  // namespace
}  // namespace mixtape::recall
