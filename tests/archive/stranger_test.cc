// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/stranger.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/archive/load_for_writing.h"
#include "engine/archive/medium_story.h"
#include "engine/format/archaeology.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/memory_drive.h"
#include "tests/support/errors.h"

namespace mixtape::archive {
namespace {

using test::error_of;

class StrangerTest : public testing::Test {
 protected:
  // A tape whose first record is `text` at `offset`, zeros before it.
  std::string with_first_record(const std::string& text, std::size_t offset = 0) {
    Bytes record(512);
    const ByteView bytes = as_bytes(text);
    std::copy(bytes.begin(), bytes.end(), record.begin() + static_cast<std::ptrdiff_t>(offset));
    return with_record(record);
  }
  std::string with_record(ByteView record) {
    tapeio::MemoryMedium medium;
    tapeio::MemoryDrive drive(medium);
    EXPECT_TRUE(drive.write_record(record).written);
    EXPECT_TRUE(drive.write_filemark().written);
    return describe_stranger(drive);
  }
};

TEST_F(StrangerTest, AnLtfsVolumeIsNamed) {
  EXPECT_EQ(with_first_record("VOL1ABC123L             LTFS"), "an LTFS volume");
}

TEST_F(StrangerTest, AnAmandaTapeIsNamed) {
  EXPECT_EQ(with_first_record("AMANDA: TAPESTART DATE 20260101"), "a tape of Amanda's");
}

TEST_F(StrangerTest, ATarArchiveIsNamed) {
  EXPECT_EQ(with_first_record("ustar", 257), "a tar archive");
}

TEST_F(StrangerTest, AnotherCatalogsMediumIsNamedByItsLabel) {
  format::MediumLabel label;
  label.label = "ZZ0007";
  label.record_size = 64 * KiB;
  label.program = "mixtape";
  const Bytes tape = format::build_archaeology(label);
  tapeio::MemoryMedium medium;
  tapeio::MemoryDrive drive(medium);
  for (std::size_t at = 0; at < tape.size(); at += label.record_size) {
    EXPECT_TRUE(drive.write_record(ByteView(tape).subspan(at, label.record_size)).written);
  }
  EXPECT_TRUE(drive.write_filemark().written);
  EXPECT_EQ(describe_stranger(drive), "medium ZZ0007 of another Mixtape catalog");
}

TEST_F(StrangerTest, RandomBytesAndOneByteAreOfAnUnknownKind) {
  EXPECT_NE(with_first_record("\x07qX").find("does not know"), std::string::npos);
  EXPECT_NE(with_record(Bytes(1, std::byte{0x1f})).find("does not know"), std::string::npos);
}

TEST_F(StrangerTest, AnEmptyTapeHoldsNothing) {
  tapeio::MemoryMedium medium;
  tapeio::MemoryDrive drive(medium);
  EXPECT_EQ(describe_stranger(drive), "nothing");
}

TEST_F(StrangerTest, AWornFirstRecordIsSaidToBeUnreadable) {
  tapeio::MemoryMedium medium;
  tapeio::MemoryDrive writer(medium);
  EXPECT_TRUE(writer.write_record(Bytes(512)).written);
  tapeio::FaultyDrive drive(std::make_unique<tapeio::MemoryDrive>(medium), {.bad_records = {0}});
  EXPECT_EQ(describe_stranger(drive), "something that cannot be read");
}

// --- The record size of a new medium

TEST(RecordSize, IsTheConfiguredOneWhereTheDriveTakesIt) {
  EXPECT_EQ(record_size_for(MiB, {.label = "A"}), MiB);
}

TEST(RecordSize, IsTheNextHalfThatFitsANarrowAdapter) {
  EXPECT_EQ(record_size_for(MiB, {.label = "A", .most_record_bytes = MiB - 1}), 512 * KiB);
  EXPECT_EQ(record_size_for(MiB, {.label = "A", .most_record_bytes = 64 * KiB}), 64 * KiB);
}

TEST(RecordSize, OfLessThan64KiBNoMediumIsMade) {
  EXPECT_EQ(
      error_of([] { return record_size_for(MiB, {.label = "A", .most_record_bytes = 65535}); }),
      ErrorCode::unsupported);
}

// --- The chip

class Chip final : public tapeio::MediumMemory {
 public:
  tapeio::MediumStory story() override { return told; }
  void write_story(const tapeio::MediumStory& story) override {
    if (refuses) {
      throw Error(ErrorCode::unsupported, "write attribute: refused");
    }
    told = story;
  }
  tapeio::MediumWear wear() override { return {}; }
  tapeio::MediumStory told;
  bool refuses = false;
};

class DriveWithChip final : public tapeio::MemoryDrive {
 public:
  tapeio::DriveFeatures features() override {
    tapeio::DriveFeatures features;
    features.memory = &chip;
    return features;
  }
  Chip chip;
};

TEST(Chip, SaysWhoseTheCartridgeIs) {
  DriveWithChip drive;
  EXPECT_EQ(tell_chip(drive, "MX0007L8", 1795737243), "");
  EXPECT_EQ(drive.chip.told.application, "Mixtape");
  EXPECT_EQ(drive.chip.told.label, "MX0007L8");
  EXPECT_EQ(drive.chip.told.barcode, "MX0007L8");
  EXPECT_EQ(drive.chip.told.written_on, "202611262354");
}

TEST(Chip, KeepsTheBarcodeThatTheRobotReads) {
  DriveWithChip drive;
  drive.chip.told.barcode = "ABC123L8";
  EXPECT_EQ(tell_chip(drive, "MX0007L8", 0), "");
  EXPECT_EQ(drive.chip.told.barcode, "ABC123L8");
}

TEST(Chip, ThatRefusesOrIsNotThereStopsNothing) {
  DriveWithChip drive;
  drive.chip.refuses = true;
  EXPECT_EQ(tell_chip(drive, "MX0007L8", 0), "write attribute: refused");
  tapeio::MemoryDrive plain;
  EXPECT_EQ(tell_chip(plain, "MX0007L8", 0), "");
}

}  // namespace
}  // namespace mixtape::archive
