// SPDX-License-Identifier: Apache-2.0
#include "tapeio/records.h"

#include <gtest/gtest.h>

#include "tapeio/drive_trace.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/memory_drive.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

namespace mixtape::tapeio {
namespace {

using test::error_of;
using test::pattern;

constexpr std::size_t kRecord = 64;

class Records : public testing::Test {
 protected:
  // One tape file of `content`, preceded by another so that addresses do not begin at 0.
  void write_file(ByteView content) {
    MemoryDrive drive(medium_);
    ASSERT_TRUE(drive.write_record(pattern(kRecord, 99)).written);
    ASSERT_TRUE(drive.write_filemark().written);
    RecordWriter writer(drive, kRecord);
    writer.write(content);
    writer.finish();
  }
  std::unique_ptr<TapeDrive> drive_at_file() {
    auto drive = std::make_unique<TracedDrive>(std::make_unique<MemoryDrive>(medium_), trace_);
    drive->locate(2);
    trace_.clear();
    return drive;
  }
  static Bytes read_all(RecordReader& reader, std::size_t piece) {
    Bytes all;
    Bytes buffer(piece);
    while (const std::size_t size = reader.read(buffer)) {
      all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return all;
  }

  MemoryMedium medium_;
  DriveTrace trace_;
};

TEST_F(Records, BytesComeBackWhateverThePieces) {
  const Bytes content = pattern(5 * kRecord);
  for (const std::size_t piece : {1, 7, 63, 64, 65, 128, 320, 1000}) {
    MemoryMedium medium;
    MemoryDrive drive(medium);
    RecordWriter writer(drive, kRecord);
    for (std::size_t at = 0; at < content.size(); at += piece) {
      writer.write(ByteView(content).subspan(at, std::min(piece, content.size() - at)));
    }
    writer.finish();
    EXPECT_EQ(writer.bytes_written(), content.size());
    EXPECT_EQ(medium.object_count(), 6u);
    drive.rewind();
    RecordReader reader(drive, kRecord);
    EXPECT_EQ(read_all(reader, piece), content) << piece;
  }
}

TEST_F(Records, EmptyTapeFileIsOneFilemark) {
  MemoryDrive drive(medium_);
  RecordWriter writer(drive, kRecord);
  writer.finish();
  EXPECT_TRUE(writer.has_filemark());
  EXPECT_EQ(medium_.object_count(), 1u);
}

TEST_F(Records, WriterWarnsAndGoesOn) {
  FaultyDrive drive(std::make_unique<MemoryDrive>(medium_), {.early_warning_after_bytes = kRecord});
  RecordWriter writer(drive, kRecord);
  writer.write(pattern(kRecord - 1));
  EXPECT_FALSE(writer.early_warning());
  writer.write(pattern(1));
  EXPECT_TRUE(writer.early_warning());
  writer.write(pattern(kRecord));
  writer.finish();
  EXPECT_EQ(writer.bytes_written(), 2 * kRecord);
}

TEST_F(Records, WriterKeepsWholeRecordsAtTheHardEndAndStillClosesTheFile) {
  FaultyDrive drive(std::make_unique<MemoryDrive>(medium_), {.hard_end_after_bytes = 2 * kRecord});
  RecordWriter writer(drive, kRecord);
  writer.write(pattern(2 * kRecord + 5));
  EXPECT_FALSE(writer.reached_end());
  writer.write(pattern(kRecord));
  EXPECT_TRUE(writer.reached_end());
  writer.write(pattern(10 * kRecord));
  EXPECT_EQ(writer.bytes_written(), 2 * kRecord);
  writer.finish();
  EXPECT_TRUE(writer.has_filemark());
  EXPECT_EQ(medium_.object_count(), 3u);
}

TEST_F(Records, WriterTellsWhenNotEvenTheFilemarkFits) {
  MemoryMedium medium(
      {.label = "FULL01",
       .space = {.capacity_bytes = 0, .early_warning_bytes = 0, .filemark_bytes = 1},
       .write_protected = false,
       .keep_bytes = true});
  MemoryDrive drive(medium);
  for (std::uint64_t mark = 0; mark < MediumSpace::kFilemarksBehindEnd; ++mark) {
    ASSERT_TRUE(drive.write_filemark().written);
  }
  RecordWriter writer(drive, kRecord);
  writer.finish();
  EXPECT_FALSE(writer.has_filemark());
}

TEST_F(Records, WriterIsNotFinishedByItsDestructor) {
  MemoryDrive drive(medium_);
  { RecordWriter(drive, kRecord).write(pattern(kRecord)); }
  medium_.cut_power();
  EXPECT_EQ(medium_.object_count(), 0u);
}

TEST_F(Records, PartialRecordAtTheEndIsABug) {
  MemoryDrive drive(medium_);
  RecordWriter writer(drive, kRecord);
  writer.write(pattern(kRecord + 1));
  EXPECT_DEATH(writer.finish(), "assertion failed");
}

TEST_F(Records, ReaderStopsAtFilemarkAndStandsAfterIt) {
  write_file(pattern(2 * kRecord));
  const auto drive = drive_at_file();
  RecordReader reader(*drive, kRecord);
  EXPECT_EQ(read_all(reader, kRecord), pattern(2 * kRecord));
  EXPECT_TRUE(reader.at_filemark());
  EXPECT_EQ(drive->position().block, 5u);
  EXPECT_EQ(reader.offset(), 2 * kRecord);
  Bytes buffer(kRecord);
  EXPECT_EQ(reader.read(buffer), 0u);
  EXPECT_EQ(drive->position().block, 5u);
}

TEST_F(Records, ReaderCallsDataWithoutAFilemarkCorrupt) {
  write_file(pattern(2 * kRecord));
  medium_.truncate(4);
  const auto drive = drive_at_file();
  RecordReader reader(*drive, kRecord);
  Bytes buffer(kRecord);
  EXPECT_EQ(reader.read(buffer), kRecord);
  EXPECT_EQ(reader.read(buffer), kRecord);
  EXPECT_EQ(error_of([&] { return reader.read(buffer); }), ErrorCode::corrupt);
}

TEST_F(Records, SeekReachesEveryByteWithAtMostOneLocate) {
  const Bytes content = pattern(4 * kRecord);
  write_file(content);
  for (std::size_t offset = 0; offset < content.size(); ++offset) {
    const auto drive = drive_at_file();
    RecordReader reader(*drive, kRecord);
    reader.seek(offset);
    EXPECT_EQ(reader.offset(), offset);
    const Bytes rest(content.begin() + static_cast<std::ptrdiff_t>(offset), content.end());
    ASSERT_EQ(read_all(reader, 10), rest) << offset;
    EXPECT_EQ(trace_.seeks(), offset < kRecord ? 0u : 1u);
  }
}

TEST_F(Records, SeekToWhereTheHeadIsMovesNothing) {
  write_file(pattern(4 * kRecord));
  const auto drive = drive_at_file();
  RecordReader reader(*drive, kRecord);
  Bytes buffer(10);
  ASSERT_EQ(reader.read(buffer), 10u);
  reader.seek(40);
  ASSERT_EQ(reader.read(buffer), 10u);
  reader.seek(kRecord + 5);
  ASSERT_EQ(reader.read(buffer), 10u);
  EXPECT_EQ(trace_.count(TracedOperation::Kind::locate), 0u);
}

TEST_F(Records, SeekGoesBackAlsoFromBehindTheFilemark) {
  const Bytes content = pattern(3 * kRecord);
  write_file(content);
  const auto drive = drive_at_file();
  RecordReader reader(*drive, kRecord);
  EXPECT_EQ(read_all(reader, kRecord), content);
  reader.seek(0);
  EXPECT_FALSE(reader.at_filemark());
  EXPECT_EQ(read_all(reader, 2 * kRecord), content);
}

TEST_F(Records, SeekIntoTheFilemarkIsInvalid) {
  write_file(pattern(kRecord));
  const auto drive = drive_at_file();
  RecordReader reader(*drive, kRecord);
  EXPECT_EQ(error_of([&] { return reader.seek(kRecord + 1), 0; }), ErrorCode::invalid);
  EXPECT_EQ(error_of([&] { return reader.seek(9 * kRecord), 0; }), ErrorCode::invalid);
}

TEST_F(Records, ReadingGoesOnBehindABadRecordAtItsTrueOffset) {
  const Bytes content = pattern(3 * kRecord);
  write_file(content);
  FaultyDrive drive(drive_at_file(), {.bad_records = {3}});
  RecordReader reader(drive, kRecord);
  Bytes buffer(kRecord);
  EXPECT_EQ(reader.read(buffer), kRecord);
  EXPECT_EQ(error_of([&] { return reader.read(buffer); }), ErrorCode::bad_medium);
  EXPECT_EQ(reader.offset(), 2 * kRecord);
  EXPECT_EQ(reader.read(buffer), kRecord);
  EXPECT_EQ(buffer, Bytes(content.end() - kRecord, content.end()));
}

}  // namespace
}  // namespace mixtape::tapeio
