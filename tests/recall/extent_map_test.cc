// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/extent_map.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "engine/format/age_stream.h"
#include "tapeio/error.h"

namespace mixtape::recall {
namespace {

using format::kChunk;
using format::kSealedChunk;

Archive archive_of(std::uint64_t plain_bytes, std::uint64_t record_size,
                   std::size_t preamble = 184) {
  Archive archive;
  archive.medium_label = "MX0001";
  archive.record_size = record_size;
  archive.first_block = 17;
  archive.header = Bytes(preamble);
  archive.plain_bytes = plain_bytes;
  return archive;
}

// The same answer, found by laying out every chunk one after the other.
ReadPlan by_walking(const Archive& archive, PlainRange range) {
  std::optional<ReadPlan> plan;
  std::uint64_t sealed_at = archive.header.size();
  for (std::uint64_t chunk = 0, plain = 0; plain < archive.plain_bytes; ++chunk) {
    const std::uint64_t size = std::min<std::uint64_t>(kChunk, archive.plain_bytes - plain);
    const bool wanted = plain < range.offset + range.size && range.offset < plain + size;
    if (wanted && !plan) {
      plan = ReadPlan{.first_chunk = chunk,
                      .first_record = sealed_at / archive.record_size,
                      .skip_in_record = sealed_at % archive.record_size,
                      .skip_in_chunk = range.offset - plain};
    }
    plain += size;
    sealed_at += size + 16;
    if (wanted) {
      plan->end_chunk = chunk + 1;
      plan->end_record = (sealed_at + archive.record_size - 1) / archive.record_size;
    }
  }
  return plan.value();
}

TEST(ExtentMap, EqualsAWalkOverEveryChunkForRandomRanges) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 3000; ++round) {
    const std::uint64_t plain = 1 + random() % (40 * kChunk);
    const std::uint64_t record = std::uint64_t{64 * KiB} << (random() % 7);
    const Archive archive = archive_of(plain, record, 100 + random() % 1000);
    const std::uint64_t offset = random() % plain;
    const PlainRange range{.offset = offset, .size = 1 + random() % (plain - offset)};
    ASSERT_EQ(plan_read(archive, range), by_walking(archive, range))
        << plain << " " << record << " " << range.offset << "+" << range.size;
  }
}

TEST(ExtentMap, EqualsAWalkAroundEveryChunkBorder) {
  const Archive archive = archive_of(3 * kChunk + 100, 128 * KiB);
  for (std::uint64_t border : {kChunk, 2 * kChunk, 3 * kChunk}) {
    for (std::int64_t first = -1; first <= 1; ++first) {
      for (std::uint64_t size : {1, 2, 3}) {
        const PlainRange range{.offset = border + first, .size = size};
        EXPECT_EQ(plan_read(archive, range), by_walking(archive, range));
      }
    }
  }
}

TEST(ExtentMap, ReadsNoMoreRecordsThanASmallFileNeeds) {
  const Archive archive = archive_of(10000 * kChunk, 1 * MiB);
  for (std::uint64_t offset = 0; offset + 4096 < archive.plain_bytes; offset += 99'840) {
    const ReadPlan plan = plan_read(archive, {.offset = offset, .size = 4096});
    EXPECT_LE(plan.end_record - plan.first_record, 2u);
  }
}

TEST(ExtentMap, LastChunkIsAsLongAsWhatRemains) {
  EXPECT_EQ(plain_in_chunk(archive_of(2 * kChunk + 5, MiB), 2), 5u);
  EXPECT_EQ(plain_in_chunk(archive_of(2 * kChunk, MiB), 1), kChunk);
  EXPECT_EQ(chunks_in(archive_of(2 * kChunk, MiB)), 2u);
  EXPECT_EQ(chunks_in(archive_of(2 * kChunk + 1, MiB)), 3u);
}

TEST(ExtentMap, ACopyBeginsAtTheRecordOfItsFirstChunk) {
  Extent extent{.archive = archive_of(100 * kChunk, 64 * KiB), .data_offset = 0, .stored_size = 1};
  EXPECT_EQ(spot_of(extent).block, 17u);
  extent.data_offset = 50 * kChunk;
  EXPECT_EQ(spot_of(extent).block, 17 + (184 + 50 * kSealedChunk) / (64 * KiB));
}

TEST(ExtentMap, RefusesNumbersThatNoArchiveHas) {
  const PlainRange range{.offset = 0, .size = 1};
  const auto refused = [](const Archive& archive, PlainRange wanted) {
    try {
      (void)plan_read(archive, wanted);
      return false;
    } catch (const Error& error) {
      return error.code() == ErrorCode::corrupt;
    }
  };
  EXPECT_TRUE(refused(archive_of(100, 0), range));
  EXPECT_TRUE(refused(archive_of(100, 8 * MiB), range));
  EXPECT_TRUE(refused(archive_of(100, MiB, 16), range));
  EXPECT_TRUE(refused(archive_of(100, MiB, 70'000), range));
  EXPECT_TRUE(refused(archive_of(~std::uint64_t{0}, MiB), range));
  EXPECT_TRUE(refused(archive_of(100, MiB), {.offset = 100, .size = 1}));
  EXPECT_TRUE(refused(archive_of(100, MiB), {.offset = 99, .size = 2}));
  EXPECT_TRUE(refused(archive_of(100, MiB), {.offset = 1, .size = ~std::uint64_t{0}}));
  EXPECT_TRUE(refused(archive_of(100, MiB), {.offset = 5, .size = 0}));
}

}  // namespace
}  // namespace mixtape::recall
