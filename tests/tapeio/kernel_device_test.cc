// SPDX-License-Identifier: Apache-2.0
#include "tapeio/kernel_device.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"

// What sysfs says, on a made one: /dev/null, which is device 1:3 everywhere, plays the SCSI device.

namespace mixtape::test {
namespace {

namespace fs = std::filesystem;

class KernelDeviceTest : public testing::Test {
 protected:
  std::string sysfs() const { return sys_.path(); }
  fs::path unit() const { return sys_ / "dev/char/1:3/device"; }

 private:
  TempDir sys_;
};

TEST_F(KernelDeviceTest, SgDeviceIsFoundBesideTheDeviceAndThroughLinks) {
  fs::create_directories(unit() / "scsi_generic/sg7");
  TempDir names;
  fs::create_symlink("/dev/null", names / "by-id");
  EXPECT_EQ(tapeio::sg_device_of("/dev/null", sysfs()), "/dev/sg7");
  EXPECT_EQ(tapeio::sg_device_of(names / "by-id", sysfs()), "/dev/sg7");
}

TEST_F(KernelDeviceTest, WhatIsNoScsiDeviceHasNone) {
  EXPECT_EQ(tapeio::sg_device_of("/dev/null", sysfs()), std::nullopt);
  EXPECT_EQ(tapeio::sg_device_of("/dev/is-not-there", sysfs()), std::nullopt);
  EXPECT_EQ(tapeio::sg_device_of("/etc/passwd", sysfs()), std::nullopt);
  EXPECT_FALSE(tapeio::identity_of_device("/dev/null", sysfs()).has_value());
  fs::create_directories(unit());
  EXPECT_EQ(tapeio::sg_device_of("/dev/null", sysfs()), std::nullopt) << "the sg driver is missing";
}

TEST_F(KernelDeviceTest, IdentityIsWhatTheKernelWasTold) {
  write_text(unit() / "vendor", "IBM     \n");
  write_text(unit() / "model", "ULT3580-HH9     \n");
  write_text(unit() / "rev", "P370\n");
  write_text(unit() / "vpd_pg80", std::string("\x01\x80\x00\x0a", 4) + "1013000123");
  const auto identity = tapeio::identity_of_device("/dev/null", sysfs());
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->vendor, "IBM");
  EXPECT_EQ(identity->product, "ULT3580-HH9");
  EXPECT_EQ(identity->revision, "P370");
  EXPECT_EQ(identity->serial, "1013000123");
}

TEST_F(KernelDeviceTest, WhatTheDeviceDidNotTellIsEmpty) {
  write_text(unit() / "model", "\x1b[31mHOSTILE\n");
  write_text(unit() / "vpd_pg80", std::string("\x01\x83\x00\x0a", 4) + "1013000123");
  const auto identity = tapeio::identity_of_device("/dev/null", sysfs());
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->vendor, "");
  EXPECT_EQ(identity->product, "?[31mHOSTILE");
  EXPECT_EQ(identity->serial, "");
}

}  // namespace
}  // namespace mixtape::test
