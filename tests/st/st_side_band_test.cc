// SPDX-License-Identifier: Apache-2.0
#include "tapeio/st_side_band.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <scsi/sg.h>
#include <sys/mtio.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "tapeio/drive_report.h"
#include "tapeio/st_drive.h"
#include "tests/emulation/emulated_tape_drive.h"
#include "tests/st/fake_st.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"
#include "tests/support/temp_dir.h"

// What is asked beside st: the tape is the fake driver's, what the drive tells of itself and of the
// cartridge's chip is an emulated LTO drive's behind SG_IO.

namespace mixtape::test {
namespace {

using tapeio::StDrive;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// /dev/sg3: nothing but SG_IO, and perhaps not for everything.
class FakeSgNode final : public tapeio::DeviceFile {
 public:
  FakeSgNode(std::unique_ptr<tapeio::scsi::Transport> transport, bool only_harmless)
      : transport_(std::move(transport)), only_harmless_(only_harmless) {}
  [[nodiscard]] std::string path() const override { return "/dev/sg-fake"; }
  [[nodiscard]] int open(int flags) override { return (flags & O_EXCL) != 0 ? -EBUSY : 0; }
  [[nodiscard]] ssize_t read(MutableBytes) override { return -EINVAL; }
  [[nodiscard]] ssize_t write(ByteView) override { return -EINVAL; }
  [[nodiscard]] int ioctl(unsigned long request, void* argument) override {
    if (request != SG_IO) {
      return -EINVAL;
    }
    // As the kernel filters for who is not root: INQUIRY, LOG SENSE, MODE SENSE, MAINTENANCE IN.
    const std::uint8_t operation = static_cast<sg_io_hdr*>(argument)->cmdp[0];
    const bool is_harmless =
        operation == 0x12 || operation == 0x4d || operation == 0x1a || operation == 0xa3;
    return only_harmless_ && !is_harmless ? -EPERM : answer_sg_io(*transport_, argument);
  }

 private:
  std::unique_ptr<tapeio::scsi::Transport> transport_;
  bool only_harmless_;
};

class StSideBandTest : public testing::Test {
 protected:
  StSideBandTest() {
    options_.open_sg = [] { return nullptr; };
    EXPECT_TRUE(lto_.insert(chip_));
  }
  // The user may use SG_IO on the tape device.
  StDrive& open_as_root() { return open(lto_.connect(), {}); }
  // May not, nor read file numbers.
  StDrive& open_as_user() { return open(nullptr, {.has_long_position = false}); }
  StDrive& open(std::unique_ptr<tapeio::scsi::Transport> beside, FakeStTraits traits) {
    drive_.reset();
    auto device = std::make_unique<FakeSt>(&tape_, traits);
    device->beside = std::move(beside);
    device_ = device.get();
    drive_ = std::make_unique<StDrive>(std::move(device), options_);
    return *drive_;
  }
  void give_sg_node(bool only_harmless) {
    options_.open_sg = [this, only_harmless] {
      return std::make_unique<FakeSgNode>(lto_.connect(), only_harmless);
    };
  }
  std::vector<std::string> notes() { return drive_->features().identity->notes; }

  std::shared_ptr<EmulatedCartridge> chip_ = std::make_shared<EmulatedCartridge>();
  EmulatedTapeDrive lto_;
  FakeCartridge tape_;
  tapeio::StDriveOptions options_;
  FakeSt* device_ = nullptr;
  std::unique_ptr<StDrive> drive_;
};

TEST_F(StSideBandTest, DriveTellsWhoItIsAndHowItAndItsCartridgeAre) {
  StDrive& st = open_as_root();
  lto_.raise_alert(4);
  const tapeio::DriveReport report = report_of(st);
  EXPECT_EQ(report.drive, "IBM ULT3580-TD8 YX10000001");
  EXPECT_EQ(report.serial, "YX10000001");
  EXPECT_EQ(st.features().identity->revision, "N9M1");
  EXPECT_EQ(report.wear->loads, 1u);
  EXPECT_EQ(report.wear->serial, "MMX0001L8");
  EXPECT_EQ(report.space->capacity_bytes, 64 * MiB);
  EXPECT_TRUE(report.health.has_value());
  ASSERT_EQ(report.alerts.size(), 1u);
  EXPECT_EQ(report.alerts[0].name, "Media");
  EXPECT_THAT(notes(), Not(Contains(HasSubstr("not to be asked"))));
}

TEST_F(StSideBandTest, ChipIsWrittenAndItsBarcodeIsTheLabel) {
  StDrive& st = open_as_root();
  tapeio::MediumStory story;
  story.barcode = "MX0007L8";
  st.features().memory->write_story(story);
  EXPECT_EQ(st.medium()->label, "MX0007L8");
  EXPECT_EQ(st.medium()->capacity_bytes, 64 * MiB);
}

TEST_F(StSideBandTest, LargestRecordIsTheDrivesUnlessTheDriverIsToIgnoreThat) {
  EXPECT_EQ(open_as_root().medium()->most_record_bytes, tapeio::kMaxRecordSize);
  EmulatedTapeDrive small({.largest_block = 512 * KiB});
  EXPECT_EQ(open(small.connect(), {}).medium()->most_record_bytes, 512 * KiB);
  options_.ignore_block_limits = true;
  EXPECT_EQ(open(small.connect(), {}).medium()->most_record_bytes, tapeio::kMaxRecordSize);
}

TEST_F(StSideBandTest, NoEarlierWarningIsAskedForBecauseTheDriverWouldFailOnIt) {
  EXPECT_FALSE(open_as_root().features().space->warn_earlier(MiB));
}

TEST_F(StSideBandTest, WithoutPermissionTheDriveWorksAndSaysWhatIsMissing) {
  StDrive& st = open_as_user();
  ASSERT_TRUE(st.write_record(pattern(512, 1)).written);
  ASSERT_TRUE(st.write_filemark().written);
  EXPECT_EQ(st.position(), (tapeio::Position{.block = 2, .file = 1}));
  const tapeio::DriveFeatures has = st.features();
  EXPECT_EQ(has.identity->product, "/dev/nst-fake");
  EXPECT_EQ(has.memory, nullptr);
  EXPECT_EQ(has.alerts, nullptr);
  EXPECT_EQ(has.gauges, nullptr);
  EXPECT_EQ(has.space, nullptr);
  EXPECT_THAT(notes(), Contains(HasSubstr("CAP_SYS_RAWIO")));
  EXPECT_EQ(st.medium()->label, "");
}

TEST_F(StSideBandTest, SgDeviceOfTheSameDriveServesWhereTheTapeDeviceDoesNot) {
  give_sg_node(/*only_harmless=*/false);
  const tapeio::DriveReport report = report_of(open_as_user());
  EXPECT_EQ(report.serial, "YX10000001");
  EXPECT_EQ(report.wear->loads, 1u);
  EXPECT_THAT(notes(), Not(Contains(HasSubstr("not to be asked"))));
}

TEST_F(StSideBandTest, WhatTheKernelFiltersIsLeftOutAndTheRestIsTold) {
  give_sg_node(/*only_harmless=*/true);
  StDrive& st = open_as_user();
  lto_.raise_alert(20);
  const tapeio::DriveReport report = report_of(st);
  EXPECT_EQ(report.serial, "YX10000001");
  ASSERT_EQ(report.alerts.size(), 1u);
  EXPECT_TRUE(report.health->cleaning_requested);
  EXPECT_FALSE(report.wear.has_value());
  EXPECT_EQ(report.space->capacity_bytes, 64 * MiB) << "the log has it too";
  EXPECT_THAT(notes(), Contains(HasSubstr("some of what")));
}

TEST_F(StSideBandTest, ExchangeThatOnlyTheSideBandMetStopsReadingAndWriting) {
  StDrive& st = open_as_root();
  ASSERT_TRUE(st.write_record(pattern(512, 1)).written);
  ASSERT_TRUE(st.write_record(pattern(512, 2)).written);
  const std::uint64_t opened = device_->opened;
  ASSERT_NE(lto_.remove(true), nullptr);
  ASSERT_TRUE(lto_.insert(std::make_shared<EmulatedCartridge>()));
  static_cast<void>(report_of(st));
  EXPECT_EQ(error_of([&] { return st.write_record(pattern(512, 9)); }), ErrorCode::no_medium);
  EXPECT_EQ(error_of([&] { return st.write_filemark(); }), ErrorCode::no_medium);
  Bytes buffer(512);
  EXPECT_EQ(error_of([&] { return st.read_record(buffer); }), ErrorCode::no_medium);
  EXPECT_EQ(error_of([&] { return st.position(); }), ErrorCode::no_medium);
  EXPECT_GT(device_->opened, opened) << "the driver has to look at what is in it now";
  EXPECT_EQ(tape_.objects.size(), 2u);
  st.rewind();
  EXPECT_EQ(st.read_record(buffer).size, 512u);
  EXPECT_EQ(buffer, pattern(512, 1));
}

TEST_F(StSideBandTest, PulledCartridgeIsNotWrittenOverByTheNextOne) {
  StDrive& st = open_as_root();
  ASSERT_TRUE(st.write_record(pattern(512, 1)).written);
  FakeCartridge next;
  next.objects.push_back({.bytes = pattern(512, 7)});
  device_->put_in(nullptr);
  EXPECT_EQ(error_of([&] { return st.write_record(pattern(512, 2)); }), ErrorCode::no_medium);
  device_->put_in(&next);
  EXPECT_EQ(error_of([&] { return st.write_record(pattern(512, 2)); }), ErrorCode::no_medium);
  EXPECT_EQ(next.objects[0].bytes, pattern(512, 7));
  st.rewind();
  EXPECT_TRUE(st.write_record(pattern(512, 2)).written);
}

TEST_F(StSideBandTest, CompressionAndDoorAreSetAndToldWhereTheyCannotBe) {
  open_as_root();
  const auto did = [&](short operation) {
    return std::ranges::count(device_->operations, operation) > 0;
  };
  EXPECT_TRUE(did(MTCOMPRESSION));
  EXPECT_TRUE(did(MTLOCK));
  EXPECT_THAT(notes(), Contains("compression is off"));
  open(lto_.connect(), {.has_compression = false, .has_door_lock = false});
  EXPECT_THAT(notes(), Contains("no control of compression"));
  EXPECT_THAT(notes(), Contains(HasSubstr("no lock of the door")));
}

TEST_F(StSideBandTest, AlertOfAFailedReadIsKeptThoughTheDriveForgetsIt) {
  EmulatedTapeDrive forgetful({.lacking_log_pages = {0x12}});
  ASSERT_TRUE(forgetful.insert(std::make_shared<EmulatedCartridge>()));
  StDrive& st = open(forgetful.connect(), {});
  ASSERT_TRUE(st.write_record(pattern(512, 1)).written);
  st.rewind();
  device_->bad_block = 0;
  forgetful.raise_alert(5);
  Bytes buffer(512);
  EXPECT_EQ(error_of([&] { return st.read_record(buffer); }), ErrorCode::io);
  const auto alerts = report_of(st).alerts;
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].name, "Read failure");
}

}  // namespace
}  // namespace mixtape::test
