// SPDX-License-Identifier: Apache-2.0
#include "tapeio/st_drive.h"

#include <gtest/gtest.h>
#include <sys/mtio.h>

#include <algorithm>
#include <memory>

#include "tests/contract/tape_drive_contract.h"
#include "tests/st/fake_st.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// The st drive on a driver that behaves as the kernel's.

namespace mixtape::test {
namespace {

using tapeio::ReadResult;
using tapeio::StDrive;

class StWorld final : public DriveWorld {
 public:
  StWorld(std::uint64_t capacity_bytes, FakeStTraits traits) : traits_(traits) {
    cartridge_.capacity_bytes = capacity_bytes;
  }
  std::unique_ptr<tapeio::TapeDrive> load() override {
    return std::make_unique<StDrive>(std::make_unique<FakeSt>(&cartridge_, traits_));
  }
  void cut_power() override {}
  std::unique_ptr<tapeio::TapeDrive> load_write_protected() override {
    cartridge_.write_protected = true;
    return load();
  }
  std::unique_ptr<tapeio::TapeDrive> empty_drive() override {
    return std::make_unique<StDrive>(std::make_unique<FakeSt>(nullptr, traits_));
  }

 private:
  FakeCartridge cartridge_;
  FakeStTraits traits_;
};

DriveKind kind(const char* name, FakeStTraits traits) {
  return {.name = name, .make = [traits](std::uint64_t capacity) {
            return std::make_unique<StWorld>(capacity, traits);
          }};
}

INSTANTIATE_TEST_SUITE_P(
    St, TapeDriveContract,
    testing::Values(kind("WithPositions", {}),
                    kind("RefusedRecordIsOnTheTape", {.refused_record_is_written = true}),
                    kind("WithoutFileNumbers", {.has_long_position = false}),
                    kind("WithoutPositions", {.tells_positions = false}),
                    kind("BufferFullAtTheEndOfData", {.fills_buffer_at_end = true}),
                    kind("BufferFullAndWithoutPositions",
                         {.tells_positions = false, .fills_buffer_at_end = true})),
    name_of);

class StDriveTest : public testing::Test {
 protected:
  StDrive& drive(FakeStTraits traits = {}) {
    auto device = std::make_unique<FakeSt>(&cartridge_, traits);
    device_ = device.get();
    drive_ = std::make_unique<StDrive>(std::move(device));
    return *drive_;
  }
  bool did(short operation) const {
    const auto& done = device_->operations;
    return std::find(done.begin(), done.end(), operation) != done.end();
  }
  FakeCartridge cartridge_;
  FakeSt* device_ = nullptr;
  std::unique_ptr<StDrive> drive_;
};

TEST_F(StDriveTest, DriveOfAnotherProgramIsLocked) {
  auto device = std::make_unique<FakeSt>(&cartridge_, FakeStTraits{});
  device->in_use_elsewhere = true;
  EXPECT_EQ(error_of([&] { return StDrive(std::move(device)).position(); }), ErrorCode::locked);
}

TEST_F(StDriveTest, MissingDeviceIsNotFound) {
  auto device = std::make_unique<FakeSt>(&cartridge_, FakeStTraits{});
  device->gone = true;
  EXPECT_EQ(error_of([&] { return StDrive(std::move(device)).position(); }), ErrorCode::not_found);
}

TEST_F(StDriveTest, DriveThatVanishesIsAnErrorOfEveryOperation) {
  StDrive& st = drive();
  device_->gone = true;
  Bytes buffer(512);
  EXPECT_EQ(error_of([&] { return st.write_record(buffer); }), ErrorCode::io);
  EXPECT_EQ(error_of([&] { return st.read_record(buffer); }), ErrorCode::io);
  EXPECT_EQ(error_of([&] { return st.write_filemark(); }), ErrorCode::io);
}

TEST_F(StDriveTest, EndOfDataIsToldAsOftenAsItIsAsked) {
  StDrive& st = drive();
  Bytes buffer(512);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(st.read_record(buffer).kind, ReadResult::Kind::end_of_data);
  }
  EXPECT_TRUE(st.write_record(buffer).written);
}

// What the mark of the end of the tape means to the driver is not what it means to us: the tape has
// room, and nothing was written twice.
TEST_F(StDriveTest, WritingGoesOnBehindAnEndOfDataThatLookedLikeTheEndOfTheTape) {
  for (const bool tells : {true, false}) {
    cartridge_ = {};
    StDrive& st = drive({.tells_positions = tells, .fills_buffer_at_end = true});
    Bytes buffer(512);
    for (int seed = 0; seed < 3; ++seed) {
      EXPECT_EQ(st.read_record(buffer).kind, ReadResult::Kind::end_of_data);
      const auto result = st.write_record(pattern(512, static_cast<std::uint64_t>(seed)));
      EXPECT_TRUE(result.written);
      EXPECT_FALSE(result.early_warning);
    }
    ASSERT_EQ(cartridge_.objects.size(), 3u);
    EXPECT_EQ(cartridge_.objects[2].bytes, pattern(512, 2));
  }
}

TEST_F(StDriveTest, BufferMayBeLargerThanTheDriverTakes) {
  StDrive& st = drive({.most_block = 1 * MiB});
  ASSERT_TRUE(st.write_record(pattern(1 * MiB, 1)).written);
  EXPECT_EQ(error_of([&] { return st.write_record(pattern(1 * MiB + 1, 1)); }),
            ErrorCode::unsupported);
  ASSERT_TRUE(st.write_filemark().written);
  st.rewind();
  Bytes buffer(tapeio::kMaxRecordSize);
  EXPECT_EQ(st.read_record(buffer).size, 1 * MiB);
  EXPECT_EQ(st.read_record(buffer).kind, ReadResult::Kind::filemark);
  EXPECT_EQ(st.read_record(buffer).kind, ReadResult::Kind::end_of_data);
}

TEST_F(StDriveTest, DriverIsNotLetEndAnUnfinishedTapeFile) {
  for (const bool lock_door : {true, false}) {
    cartridge_ = {};
    {
      StDrive st(std::make_unique<FakeSt>(&cartridge_, FakeStTraits{}), {.lock_door = lock_door});
      ASSERT_TRUE(st.write_record(pattern(512, 1)).written);
      st.rewind();
      st.seek_end_of_data();
      ASSERT_TRUE(st.write_record(pattern(512, 2)).written);
    }
    ASSERT_EQ(cartridge_.objects.size(), 2u);
    EXPECT_FALSE(cartridge_.objects.back().is_filemark);
  }
}

TEST_F(StDriveTest, BadSpotIsPassedWithAnError) {
  StDrive& st = drive();
  for (int seed = 0; seed < 3; ++seed) {
    ASSERT_TRUE(st.write_record(pattern(512, static_cast<std::uint64_t>(seed))).written);
  }
  st.rewind();
  device_->bad_block = 0;
  Bytes buffer(512);
  EXPECT_EQ(error_of([&] { return st.read_record(buffer); }), ErrorCode::io);
  EXPECT_EQ(st.position().block, 1u);
  EXPECT_EQ(st.read_record(buffer).kind, ReadResult::Kind::record);
  EXPECT_EQ(buffer, pattern(512, 1));
}

TEST_F(StDriveTest, DriveOfFixedBlocksTakesItsOwnSizeOnly) {
  StDrive& st = drive({.fixed_block = 1024});
  EXPECT_EQ(error_of([&] { return st.write_record(pattern(512, 1)); }), ErrorCode::unsupported);
  ASSERT_TRUE(st.write_record(pattern(1024, 1)).written);
  ASSERT_TRUE(st.write_filemark().written);
  st.rewind();
  Bytes small(512);
  EXPECT_EQ(error_of([&] { return st.read_record(small); }), ErrorCode::invalid);
  st.rewind();
  Bytes large(4096);
  EXPECT_EQ(st.read_record(large).size, 1024u);
  EXPECT_EQ(st.read_record(large).kind, ReadResult::Kind::filemark);
  const std::vector<std::string> notes = st.features().identity->notes;
  EXPECT_EQ(std::ranges::count(notes, "fixed blocks only, of 1024 bytes"), 1);
}

TEST_F(StDriveTest, DriveWithoutPositionsSaysSo) {
  const auto says_so = [&](FakeStTraits traits) {
    const std::vector<std::string> notes = drive(traits).features().identity->notes;
    return std::ranges::any_of(
        notes, [](const std::string& note) { return note.starts_with("no READ POSITION"); });
  };
  EXPECT_FALSE(says_so({}));
  EXPECT_TRUE(says_so({.tells_positions = false}));
}

TEST_F(StDriveTest, ExchangeIsSeenWhereNothingButTheDriverCanBeAsked) {
  StDrive& st = drive();
  const std::uint64_t before = st.medium()->insertion;
  EXPECT_EQ(st.medium()->insertion, before);
  FakeCartridge next;
  device_->put_in(&next);
  EXPECT_NE(st.medium()->insertion, before);
  EXPECT_EQ(error_of([&] { return st.position(); }), ErrorCode::no_medium);
  st.rewind();
  EXPECT_EQ(st.position().block, 0u);
}

TEST_F(StDriveTest, DoorIsLockedInUseAndOpenedForUnloading) {
  StDrive& st = drive();
  EXPECT_TRUE(did(MTLOCK));
  EXPECT_FALSE(did(MTUNLOCK));
  st.unload();
  EXPECT_TRUE(did(MTUNLOCK));
  EXPECT_TRUE(did(MTOFFL));
  EXPECT_FALSE(st.medium().has_value());
}

TEST_F(StDriveTest, EveryRecordBehindEarlyWarningIsOnTheTapeOnce) {
  for (const bool written : {false, true}) {
    cartridge_ = {.objects = {}, .capacity_bytes = 16 * 512};
    StDrive& st = drive({.refused_record_is_written = written});
    std::uint64_t seed = 0;
    while (st.write_record(pattern(512, seed)).written) {
      ++seed;
    }
    EXPECT_EQ(seed, 16u);
    ASSERT_EQ(cartridge_.objects.size(), seed);
    for (std::uint64_t i = 0; i < seed; ++i) {
      EXPECT_EQ(cartridge_.objects[i].bytes, pattern(512, i)) << "record " << i;
    }
  }
}

}  // namespace
}  // namespace mixtape::test
