// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/tape_map.h"

#include <gtest/gtest.h>

#include "tapeio/faulty_drive.h"
#include "tapeio/memory_drive.h"
#include "tests/support/patterns.h"

namespace mixtape::tapeio::lto {
namespace {

constexpr std::uint64_t kRecord = 100;

TapeMap two_tape_files() {
  TapeMap map;
  map.append(kRecord, 3);
  map.append(kFilemarkOnTape);
  map.append(kRecord, 2);
  map.append(kFilemarkOnTape);
  return map;
}

TEST(LtoTapeMap, ObjectsLieOneBehindTheOther) {
  const TapeMap map = two_tape_files();
  EXPECT_EQ(map.end_block(), 7u);
  EXPECT_EQ(map.end_bytes(), 5 * kRecord + 2 * kFilemarkOnTape);
  const std::uint64_t begins[] = {0,
                                  kRecord,
                                  2 * kRecord,
                                  3 * kRecord,
                                  3 * kRecord + kFilemarkOnTape,
                                  4 * kRecord + kFilemarkOnTape,
                                  5 * kRecord + kFilemarkOnTape,
                                  5 * kRecord + 2 * kFilemarkOnTape};
  for (std::uint64_t block = 0; block < 8; ++block) {
    EXPECT_EQ(map.bytes_before(block), begins[block]);
    EXPECT_EQ(map.block_at(begins[block]), block);
    if (block > 0) {
      EXPECT_EQ(map.block_at(begins[block] - 1), block - 1);
    }
  }
}

TEST(LtoTapeMap, WritingEndsItWhereverTheHeadIs) {
  for (std::uint64_t block = 0; block <= 7; ++block) {
    TapeMap map = two_tape_files();
    const std::uint64_t before = map.bytes_before(block);
    map.truncate(block);
    EXPECT_EQ(map.end_block(), block);
    EXPECT_EQ(map.end_bytes(), before);
    map.append(7);
    EXPECT_EQ(map.end_bytes(), before + 7);
    EXPECT_EQ(map.bytes_before(block), before);
  }
}

TEST(LtoTapeMap, IsLearntFromAMedium) {
  MemoryMedium medium;
  MemoryDrive drive(medium);
  ASSERT_TRUE(drive.write_filemark().written);
  for (int file = 0; file < 2; ++file) {
    ASSERT_TRUE(drive.write_record(test::pattern(kRecord)).written);
    ASSERT_TRUE(drive.write_record(test::pattern(kRecord)).written);
    ASSERT_TRUE(drive.write_filemark().written);
  }
  const TapeMap map = TapeMap::of(drive);
  EXPECT_EQ(map.end_block(), 7u);
  EXPECT_EQ(map.end_bytes(), 4 * kRecord + 3 * kFilemarkOnTape);
  EXPECT_EQ(map.bytes_before(3), 2 * kRecord + kFilemarkOnTape);
  EXPECT_EQ(drive.position().block, 0u);
}

TEST(LtoTapeMap, MediumThatCannotBeReadIsEmpty) {
  MemoryMedium medium;
  FaultyDrive drive(std::make_unique<MemoryDrive>(medium), {.fail_operation = 0});
  EXPECT_EQ(TapeMap::of(drive).end_block(), 0u);
}

TEST(LtoTapeMap, EndsOfWrapsAreTheLastObjectsOfEach) {
  const GenerationFigures& figures = figures_of(5);
  const CartridgeGeometry geometry(figures, 80 * 10 * kRecord);  // Ten records to each wrap.
  TapeMap map;
  EXPECT_TRUE(map.ends_of_wraps(geometry).empty());
  map.append(kRecord, 25);
  EXPECT_EQ(map.ends_of_wraps(geometry), (std::vector<std::uint64_t>{9, 19, 24}));
  map.append(kRecord, 775);
  const std::vector<std::uint64_t> full = map.ends_of_wraps(geometry);
  ASSERT_EQ(full.size(), figures.wraps());
  EXPECT_EQ(full.back(), 799u);
}

}  // namespace
}  // namespace mixtape::tapeio::lto
