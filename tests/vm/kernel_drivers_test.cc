// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "tapeio/scsi/scsi_drive.h"
#include "tapeio/scsi/sg_transport.h"
#include "tapeio/st_drive.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// The kernel's own st and sg with tgt behind them; run by tests/vm/in_vm.sh inside its guest.
//
// Reading at the end of data is left out for st: with tgt the driver returns a full buffer of
// garbage there (docs/testing.md).

namespace mixtape::test {
namespace {

using tapeio::ReadResult;
using tapeio::StDrive;

constexpr std::size_t kRecord = 64 * KiB;

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

class KernelDrivers : public testing::Test {
 protected:
  void SetUp() override {
    if (setting("MIXTAPE_VM_NST").empty()) {
      GTEST_SKIP() << "runs in the virtual machine of tests/vm/in_vm.sh";
    }
  }
  static std::unique_ptr<StDrive> st() {
    return tapeio::open_st_drive(setting("MIXTAPE_VM_NST"), {.ignore_block_limits = true});
  }
  static std::unique_ptr<tapeio::scsi::ScsiDrive> sg() {
    return std::make_unique<tapeio::scsi::ScsiDrive>(
        tapeio::scsi::open_sg_transport(setting("MIXTAPE_VM_SG")),
        tapeio::scsi::ScsiDriveOptions{});
  }
  static void write(tapeio::TapeDrive& drive, std::uint64_t seed, std::size_t size = kRecord) {
    ASSERT_TRUE(drive.write_record(pattern(size, seed)).written);
  }
  static void expect(tapeio::TapeDrive& drive, std::uint64_t seed, std::size_t size = kRecord) {
    Bytes buffer(2 * MiB);
    const ReadResult result = drive.read_record(buffer);
    ASSERT_EQ(result.kind, ReadResult::Kind::record);
    buffer.resize(result.size);
    EXPECT_EQ(buffer, pattern(size, seed)) << "record " << seed;
  }
  static void expect_filemark(tapeio::TapeDrive& drive) {
    Bytes buffer(2 * MiB);
    EXPECT_EQ(drive.read_record(buffer).kind, ReadResult::Kind::filemark);
  }
  static void write_tape(tapeio::TapeDrive& drive) {
    drive.rewind();
    write(drive, 1);
    write(drive, 2, 1 * MiB);
    ASSERT_TRUE(drive.write_filemark().written);
    write(drive, 3, 1000);
    ASSERT_TRUE(drive.write_filemark().written);
  }
  static void expect_tape(tapeio::TapeDrive& drive) {
    drive.rewind();
    expect(drive, 1);
    expect(drive, 2, 1 * MiB);
    expect_filemark(drive);
    expect(drive, 3, 1000);
    expect_filemark(drive);
    EXPECT_EQ(drive.position(), (tapeio::Position{.block = 5, .file = 2}));
  }
};

TEST_F(KernelDrivers, StReadsWhatStWrote) {
  const auto drive = st();
  ASSERT_TRUE(drive->medium().has_value());
  write_tape(*drive);
  expect_tape(*drive);
}

TEST_F(KernelDrivers, StFindsItsWay) {
  const auto drive = st();
  write_tape(*drive);
  drive->locate(3);
  expect(*drive, 3, 1000);
  drive->rewind();
  EXPECT_EQ(drive->space_filemarks(1), 1u);
  expect(*drive, 3, 1000);
  EXPECT_EQ(drive->space_filemarks(-1), 1u);
  EXPECT_EQ(drive->position(), (tapeio::Position{.block = 2, .file = 0}));
  expect_filemark(*drive);
}

TEST_F(KernelDrivers, StIsForOneProgramAlone) {
  const auto drive = st();
  EXPECT_EQ(error_of([] { return st()->position(); }), ErrorCode::locked);
}

TEST_F(KernelDrivers, SgIsForOneProgramAlone) {
  const auto transport = tapeio::scsi::open_sg_transport(setting("MIXTAPE_VM_SG"));
  EXPECT_EQ(error_of([] {
              return tapeio::scsi::open_sg_transport(setting("MIXTAPE_VM_SG"))->most_data();
            }),
            ErrorCode::locked);
}

TEST_F(KernelDrivers, RecordLargerThanTheBufferIsPassedWithAnError) {
  const auto drive = st();
  write_tape(*drive);
  drive->rewind();
  Bytes small(kRecord / 4);
  EXPECT_EQ(error_of([&] { return drive->read_record(small); }), ErrorCode::invalid);
  expect(*drive, 2, 1 * MiB);
}

TEST_F(KernelDrivers, SgReadsWhatSgWrote) {
  const auto drive = sg();
  ASSERT_TRUE(drive->medium().has_value());
  write_tape(*drive);
  expect_tape(*drive);
  Bytes buffer(kRecord);
  EXPECT_EQ(drive->read_record(buffer).kind, ReadResult::Kind::end_of_data);
}

TEST_F(KernelDrivers, WhatOneWroteTheOtherReads) {
  write_tape(*st());
  expect_tape(*sg());
  write_tape(*sg());
  expect_tape(*st());
}

TEST_F(KernelDrivers, EveryRecordBehindEarlyWarningIsOnTheTapeOnce) {
  constexpr std::uint64_t kBehind = 6;
  std::uint64_t written = 0;
  std::uint64_t warned = 0;
  {
    const auto drive = st();
    drive->rewind();
    for (; warned < kBehind && written < 200; ++written) {
      const auto result = drive->write_record(pattern(1 * MiB, written));
      ASSERT_TRUE(result.written) << "record " << written;
      warned += result.early_warning ? 1 : 0;
    }
    EXPECT_TRUE(drive->write_filemark().written);
  }
  EXPECT_EQ(warned, kBehind);
  const auto drive = st();
  for (std::uint64_t seed = 0; seed < written; ++seed) {
    expect(*drive, seed, 1 * MiB);
  }
  expect_filemark(*drive);
}

}  // namespace
}  // namespace mixtape::test
