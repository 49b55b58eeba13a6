// SPDX-License-Identifier: Apache-2.0
#include "tools/mount_options.h"

#include <gtest/gtest.h>

#include "engine/home/home.h"
#include "tools/command.h"

namespace mixtape::tools {
namespace {

std::optional<MountCommand> parse(const std::vector<std::string>& arguments) {
  return parse_mount_command(arguments, "/here");
}

TEST(MountOptions, AUserNamesOnlyTheMountpoint) {
  const auto command = parse({"--home", "/my/home", "tapes"});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->mountpoint, "/here/tapes");
  EXPECT_EQ(command->home, "/my/home");
  EXPECT_FALSE(command->foreground);
}

TEST(MountOptions, MountAndFstabNameTheHomeAsTheDeviceAndAddTheirOwnOptions) {
  const auto command = parse({"/var/lib/mixtape", "/mnt/tapes", "-n", "-o",
                              "rw,noauto,x-systemd.automount,nofail,_netdev,allow_other"});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->home, "/var/lib/mixtape");
  EXPECT_EQ(command->mountpoint, "/mnt/tapes");
  EXPECT_TRUE(command->allow_other);
  EXPECT_FALSE(command->read_only);
}

TEST(MountOptions, ADirectoryHereIsAHomeAndAWordThatFstabHoldsIsNone) {
  const auto home_of = [&](const std::string& source) {
    return parse_mount_command({source, "tapes"}, "/usr")->home;
  };
  EXPECT_EQ(home_of("share"), "/usr/share");
  EXPECT_EQ(home_of("none"), home::default_home());
  EXPECT_EQ(home_of("no-such-directory"), home::default_home());
}

TEST(MountOptions, TheHomeMayStandAmongTheOptions) {
  const auto command = parse({"mixtape", "/mnt", "-o", "ro,home=/elsewhere", "--foreground"});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->home, "/elsewhere");
  EXPECT_TRUE(command->read_only);
  EXPECT_TRUE(command->foreground);
}

TEST(MountOptions, WhatMountPassesIsUnderstoodAsMountMeansIt) {
  const auto command = parse({"/var/lib/mixtape", "/mnt", "-sfnv", "-N", "/proc/1/ns/mnt", "-o",
                              "rw,of_another_system", "-t", "mixtape"});
  ASSERT_TRUE(command);
  EXPECT_TRUE(command->fake);
  EXPECT_FALSE(command->foreground);
  EXPECT_EQ(command->mount_namespace, "/proc/1/ns/mnt");
  EXPECT_EQ(command->mountpoint, "/mnt");
}

TEST(MountOptions, AMediumByItselfIsReadOnlyAndItsPlacesCountFromHere) {
  const auto command = parse({"--medium", "shelf/MX0001", "-i", "key.txt", "/mnt"});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->medium, "/here/shelf/MX0001");
  EXPECT_EQ(command->identity, "/here/key.txt");
  EXPECT_TRUE(command->read_only);
  const auto by_label = parse({"/mnt", "-o", "medium=MX0001"});
  ASSERT_TRUE(by_label);
  EXPECT_EQ(by_label->medium, "MX0001");
  EXPECT_TRUE(by_label->read_only);
  EXPECT_EQ(parse({"--medium", "MX1", "--library", "dir:shelf", "/mnt"})->library,
            "dir:/here/shelf");
}

// Why the line makes no sense; empty when it does.
std::string refusal(const std::vector<std::string>& arguments) {
  try {
    (void)parse(arguments);
    return "";
  } catch (const WrongUsage& wrong) {
    return wrong.what();
  }
}

TEST(MountOptions, WhatGoesWithAMediumIsRefusedWithoutOne) {
  EXPECT_NE(refusal({"--library", "dir:/shelf", "/mnt"}), "");
  EXPECT_NE(refusal({"-i", "key.txt", "/mnt"}), "");
}

TEST(MountOptions, AnUnknownOptionIsRefusedByName) {
  EXPECT_NE(refusal({"/mnt", "-o", "ro,alow_other"}).find("alow_other"), std::string::npos);
}

TEST(MountOptions, ALineThatMakesNoSenseIsRefusedInOurWords) {
  const std::string help = "; `mount.mixtape --help` says more";
  EXPECT_EQ(refusal({}), "MOUNTPOINT is required" + help);
  EXPECT_EQ(refusal({"a", "b", "c"}), "at most 2 of MOUNTPOINT may be given, not 3" + help);
  EXPECT_EQ(refusal({"a", "--bogus"}), "it takes no --bogus" + help);
  EXPECT_EQ(refusal({"a", "-i"}), "--identity wants a value" + help);
}

}  // namespace
}  // namespace mixtape::tools
