// SPDX-License-Identifier: Apache-2.0
#include "tapeio/library_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tapeio/error.h"
#include "tests/support/errors.h"

namespace mixtape::test {
namespace {

using tapeio::DeviceUrl;
using tapeio::parse_cartridge_library_url;
using tapeio::parse_device_url;
using testing::HasSubstr;
using testing::Not;

std::string refusal_of(std::string_view url) {
  try {
    static_cast<void>(parse_cartridge_library_url(url));
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid);
    return error.what();
  }
}

TEST(LibraryUrl, ADeviceIsADriveFedByHand) {
  const auto library = parse_cartridge_library_url("st:/dev/tape/by-id/scsi-1IBM_YX1-nst");
  EXPECT_FALSE(library.changer);
  ASSERT_EQ(library.drives.size(), 1U);
  EXPECT_EQ(library.drives[0].kind, DeviceUrl::Kind::st);
  EXPECT_EQ(library.drives[0].path, "/dev/tape/by-id/scsi-1IBM_YX1-nst");
  EXPECT_EQ(parse_device_url("scsi:/dev/sg3").kind, DeviceUrl::Kind::scsi);
}

TEST(LibraryUrl, AnIscsiUrlHasAllItsParts) {
  const DeviceUrl drive =
      parse_device_url("iscsi://me%s3cr@t@nas.example:3261/iqn.2026-11.example:tape/7");
  EXPECT_EQ(drive.kind, DeviceUrl::Kind::iscsi);
  EXPECT_EQ(drive.host, "nas.example");
  EXPECT_EQ(drive.port, 3261);
  EXPECT_EQ(drive.target, "iqn.2026-11.example:tape");
  EXPECT_EQ(drive.lun, 7);
  EXPECT_EQ(drive.user, "me");
  EXPECT_EQ(drive.password, "s3cr@t");
  EXPECT_EQ(drive.text, "iscsi://me@nas.example:3261/iqn.2026-11.example:tape/7");
}

TEST(LibraryUrl, WhatIsLeftOutHasItsUsualValue) {
  const DeviceUrl drive = parse_device_url("iscsi://[fd00::1]/iqn.2026-11.example:tape/0");
  EXPECT_EQ(drive.host, "fd00::1");
  EXPECT_EQ(drive.port, 3260);
  EXPECT_EQ(drive.user, "");
  EXPECT_EQ(parse_device_url("iscsi://[fd00::1]:99/iqn.x/0").port, 99);
}

TEST(LibraryUrl, AChangerNamesItsDrives) {
  const auto library = parse_cartridge_library_url(
      "changer:/dev/sg4,drive=st:/dev/nst0,drive=iscsi://host/iqn.a:b/1");
  ASSERT_TRUE(library.changer);
  EXPECT_EQ(library.changer->path, "/dev/sg4");
  ASSERT_EQ(library.drives.size(), 2U);
  EXPECT_EQ(library.drives[0].path, "/dev/nst0");
  EXPECT_EQ(library.drives[1].lun, 1);
  EXPECT_EQ(parse_cartridge_library_url("changer:iscsi://host/iqn.a:b/0").changer->host, "host");
}

TEST(LibraryUrl, OtherSchemesAreNotOurs) {
  EXPECT_TRUE(tapeio::is_cartridge_library_url("changer:/dev/sg4"));
  EXPECT_TRUE(tapeio::is_cartridge_library_url("iscsi://h/t/0"));
  EXPECT_FALSE(tapeio::is_cartridge_library_url("dir:/media"));
  EXPECT_FALSE(tapeio::is_cartridge_library_url("stuff:/dev/nst0"));
  EXPECT_FALSE(tapeio::is_cartridge_library_url(""));
}

TEST(LibraryUrl, WhatMakesNoSenseIsRefusedInOneSentence) {
  const std::vector<std::string> wrong = {
      "",
      "st:",
      "st:nst0",
      "st:/",
      "st:/dev/nst0\n",
      std::string("st:/dev/\0nst0", 13),
      "st:/dev/nst0,drive=st:/dev/nst1",
      "scsi:/dev/sg3,speed=1",
      "changer:",
      "changer:sg4",
      "changer:/dev/sg4,drives=st:/dev/nst0",
      "changer:/dev/sg4,drive=",
      "changer:/dev/sg4,drive=/dev/nst0",
      "changer:/dev/sg4,drive=changer:/dev/sg5",
      "changer:/dev/sg4,drive=st:/dev/nst0,drive=st:/dev/nst0",
      "iscsi:host/iqn.a/0",
      "iscsi://",
      "iscsi://host",
      "iscsi://host/iqn.a",
      "iscsi:///iqn.a/0",
      "iscsi://host//0",
      "iscsi://host/iqn.a/",
      "iscsi://host/iqn.a/-1",
      "iscsi://host/iqn.a/99999",
      "iscsi://host/iqn.a/1x",
      "iscsi://host/iqn a/1",
      "iscsi://host/iqn.a/b/1",
      "iscsi://host:0/iqn.a/1",
      "iscsi://host:70000/iqn.a/1",
      "iscsi://host:/iqn.a/1",
      "iscsi://[fd00::1/iqn.a/1",
      "iscsi://[fd00::1]x/iqn.a/1",
      "iscsi://[]/iqn.a/1",
      "iscsi://[/iqn.a/1",
      "iscsi://-oProxy/iqn.a/1",
      "iscsi://ho st/iqn.a/1",
      "iscsi://@host/iqn.a/1",
      "iscsi://%x@host/iqn.a/1",
      "iscsi://host/" + std::string(300, 'a') + "/1",
      "st:/" + std::string(10'000, 'a'),
  };
  for (const std::string& url : wrong) {
    const std::string sentence = refusal_of(url);
    EXPECT_NE(sentence, "") << url;
    EXPECT_LT(sentence.size(), 300U) << url;
    EXPECT_THAT(sentence, Not(HasSubstr("\n"))) << url;
  }
}

TEST(LibraryUrl, AThousandDrivesAreTooMany) {
  std::string url = "changer:/dev/sg4";
  for (int i = 0; i < 300; ++i) {
    url += ",drive=st:/dev/nst" + std::to_string(i);
  }
  EXPECT_THAT(refusal_of(url), HasSubstr("more than 64 drives"));
}

TEST(LibraryUrl, NoMessageTellsAPassword) {
  for (const char* url : {"iscsi://me%s3cret@host/iqn.a/x", "iscsi://me%s3cret@/iqn.a/1",
                          "iscsi://me%s3cret@host", "iscsi://%s3cret@host/iqn.a/1",
                          "changer:iscsi://me%s3cret@host/iqn.a/0,drive=iscsi://me%s3cret@h/x/y",
                          "changer:/dev/sg4,drive=iscsi://me%s3cret@h/x/y"}) {
    const std::string sentence = refusal_of(url);
    EXPECT_NE(sentence, "");
    EXPECT_THAT(sentence, Not(HasSubstr("s3cret"))) << url;
  }
}

}  // namespace
}  // namespace mixtape::test
