// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>

#include "engine/format/tar.h"
#include "tests/format/shell.h"
#include "tests/format/tar_fixture.h"
#include "tests/support/temp_dir.h"

// GNU tar, bsdtar and Python read our archives and mean the same by them; we read theirs.

namespace mixtape::format::test {
namespace {

namespace fs = std::filesystem;
using mixtape::test::read_text;
using mixtape::test::TempDir;
using mixtape::test::write_text;

constexpr std::int64_t kSecond = 1'000'000'000;

Content with_mtime(Content content, std::int64_t mtime_ns) {
  content.member.mtime_ns = mtime_ns;
  return content;
}

// One of everything that an unprivileged user may unpack.
std::vector<Content> everything() {
  TarMember attributes = file_named("d/attributes", 4);
  attributes.mode = 0640;
  attributes.xattrs = {{"user.binary", std::string("\0\n=\xff", 4)}, {"user.empty", ""}};
  TarMember same = link_to(MemberType::hardlink, "d/same content", "d/plain");
  same.same_content = true;
  return {{member_of_type(MemberType::directory, "d"), ""},
          text_file("d/plain", "plain text"),
          {attributes, "data"},
          with_mtime(text_file("d/before 1970", "old"), -86'400 * kSecond),
          with_mtime(text_file("d/whole second", "w"), 1'700'000'000 * kSecond),
          text_file("d/line\nfeed", "newline in the name"),
          text_file("d/gr\xc3\xbc\xc3\x9f", "utf-8"),
          text_file("d/latin \xe9", "not utf-8"),
          text_file("d/" + std::string(120, 'a') + "/" + std::string(120, 'b'), "two long parts"),
          text_file("d/" + std::string(250, 'c'), "longer than ustar"),
          text_file("d/" + std::string(200, 'd') + "/" + std::string(200, 'e'), "longer than both"),
          sparse_file("d/disk.img"),
          sparse_file("d/" + std::string(200, 's')),
          {link_to(MemberType::symlink, "d/link", "../anywhere/\xff\n"), ""},
          {link_to(MemberType::symlink, "d/long link", std::string(300, 't')), ""},
          {link_to(MemberType::hardlink, "d/second name", "d/plain"), ""},
          {same, ""},
          {member_of_type(MemberType::fifo, "d/pipe"), ""},
          {member_of_type(MemberType::directory, "d/empty"), ""}};
}

std::string expand(const Content& content) {
  if (!content.member.sparse) {
    return content.data;
  }
  std::string expanded(content.member.size, '\0');
  std::size_t at = 0;
  for (const SparseExtent& extent : *content.member.sparse) {
    expanded.replace(extent.offset, extent.size, content.data, at, extent.size);
    at += extent.size;
  }
  return expanded;
}

std::string xattr_of(const fs::path& path, const std::string& name) {
  std::string value(1024, '\0');
  const ssize_t size = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  return size < 0 ? "(none)" : value.substr(0, static_cast<std::size_t>(size));
}

bool keeps_xattrs(const fs::path& directory) {
  return setxattr(directory.c_str(), "user.probe", "", 0, 0) == 0;
}

mode_t type_bits(MemberType type) {
  switch (type) {
    case MemberType::directory:
      return S_IFDIR;
    case MemberType::symlink:
      return S_IFLNK;
    case MemberType::fifo:
      return S_IFIFO;
    default:
      return S_IFREG;
  }
}

void expect_unpacked(const std::vector<Content>& contents, const fs::path& into) {
  for (const Content& content : contents) {
    const TarMember& member = content.member;
    SCOPED_TRACE(member.name);
    const fs::path path = into / member.name;
    struct stat status {};
    ASSERT_EQ(lstat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & S_IFMT, type_bits(member.type));
    if (member.type == MemberType::hardlink) {
      EXPECT_TRUE(fs::equivalent(path, into / member.link_target));
      continue;
    }
    EXPECT_EQ(status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec, member.mtime_ns);
    if (member.type == MemberType::symlink) {
      EXPECT_EQ(fs::read_symlink(path).string(), member.link_target);
      continue;
    }
    EXPECT_EQ(status.st_mode & 07777, member.mode);
    if (geteuid() == 0) {
      EXPECT_EQ(status.st_uid, member.uid);
    }
    if (member.type == MemberType::file) {
      EXPECT_EQ(read_text(path), expand(content));
    }
    for (const auto& [name, value] : member.xattrs) {
      if (keeps_xattrs(into)) {
        EXPECT_EQ(xattr_of(path, name), value) << name;
      }
    }
  }
}

class TarInterop : public testing::Test {
 protected:
  void write_archive(const std::vector<Content>& contents) {
    const Bytes archive = archive_of(contents);
    write_text(archive_, as_text(archive));
    fs::create_directory(into_);
  }
  Ran in_directory(const std::string& command) {
    return run("cd '" + into_.string() + "' && export LC_ALL=C.UTF-8 && " + command);
  }

  TempDir directory_;
  fs::path archive_ = directory_ / "archive.tar";
  fs::path into_ = directory_ / "unpacked";
};

TEST_F(TarInterop, GnuTarUnpacksEverything) {
  if (!installed("tar")) {
    GTEST_SKIP() << "GNU tar is not installed";
  }
  write_archive(everything());
  const Ran ran = in_directory(
      "tar -x -p --numeric-owner --xattrs --warning=no-unknown-keyword "
      "--warning=no-timestamp -f ../archive.tar");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.output, "");
  expect_unpacked(everything(), into_);
}

TEST_F(TarInterop, BsdtarUnpacksEverything) {
  if (!installed("bsdtar")) {
    GTEST_SKIP() << "bsdtar is not installed";
  }
  // libarchive 3.6 neither keeps empty attributes nor says so.
  std::vector<Content> contents = everything();
  contents[2].member.xattrs.pop_back();
  write_archive(contents);
  const Ran ran = in_directory("bsdtar -x -p --numeric-owner --xattrs -f ../archive.tar");
  EXPECT_EQ(ran.status, 0) << ran.output;
  expect_unpacked(contents, into_);
}

TEST_F(TarInterop, PythonUnpacksEverything) {
  if (!installed("python3")) {
    GTEST_SKIP() << "Python is not installed";
  }
  // tarfile knows no attributes, and gives times as floating point.
  std::vector<Content> contents = everything();
  for (Content& content : contents) {
    content.member.xattrs.clear();
    content.member.mtime_ns = content.member.mtime_ns / kSecond * kSecond;
  }
  write_archive(contents);
  const Ran ran = in_directory(
      "PYTHONUTF8=1 python3 -c 'import tarfile; tarfile.open(\"../archive.tar\").extractall(\".\", "
      "numeric_owner=True)'");
  EXPECT_EQ(ran.status, 0) << ran.output;
  // Python sets no times on symlinks.
  std::erase_if(contents,
                [](const Content& content) { return content.member.type == MemberType::symlink; });
  expect_unpacked(contents, into_);
}

TEST_F(TarInterop, PythonListsWhatWeWrote) {
  if (!installed("python3")) {
    GTEST_SKIP() << "Python is not installed";
  }
  write_archive(everything());
  std::string expected;
  for (const Content& content : everything()) {
    const TarMember& member = content.member;
    expected += to_hex(as_bytes(member.name)) + " " + std::to_string(member.size) + " " +
                std::to_string(member.mode) + " " + member.owner + " " +
                to_hex(as_bytes(member.link_target)) + "\n";
  }
  const Ran ran = in_directory(
      "PYTHONUTF8=1 python3 -c '\n"
      "import os, tarfile\n"
      "for m in tarfile.open(\"../archive.tar\"):\n"
      "  print(os.fsencode(m.name).hex(), m.size, m.mode, m.uname, "
      "os.fsencode(m.linkname).hex())'");
  EXPECT_EQ(ran.output, expected);
}

TEST_F(TarInterop, AclsAreRestoredByGnuTarAndBsdtar) {
  TarMember member = file_named("shared", 4);
  member.mode = 0640;
  member.xattrs = {{"system.posix_acl_access", posix_acl()}};
  write_archive({{member, "data"}});
  write_text(into_ / "probe", "");
  if (setxattr((into_ / "probe").c_str(), "system.posix_acl_access", posix_acl().data(),
               posix_acl().size(), 0) != 0) {
    GTEST_SKIP() << "no ACLs on this file system";
  }
  for (const char* command :
       {"tar -x -p --acls --warning=no-unknown-keyword", "bsdtar -x -p --acls"}) {
    if (installed(std::string(command).substr(0, std::string(command).find(' ')))) {
      EXPECT_EQ(in_directory(std::string(command) + " -f ../archive.tar").status, 0) << command;
      EXPECT_EQ(to_hex(as_bytes(xattr_of(into_ / "shared", "system.posix_acl_access"))),
                to_hex(as_bytes(posix_acl())))
          << command;
      fs::remove(into_ / "shared");
    }
  }
}

TEST_F(TarInterop, DevicesAndLargeIdsAreListed) {
  TarMember device = member_of_type(MemberType::block_device, "disk");
  device.device_major = 259;
  device.device_minor = 70'000;
  TarMember large = file_named("large ids");
  large.uid = 4'000'000'000;
  large.gid = 3'000'000'000;
  write_archive({{device, ""}, {large, ""}});
  if (installed("tar")) {
    const Ran ran = in_directory("tar -tv --numeric-owner -f ../archive.tar");
    EXPECT_THAT(ran.output, testing::HasSubstr("259,70000"));
    EXPECT_THAT(ran.output, testing::HasSubstr("4000000000/3000000000"));
  }
  if (installed("bsdtar")) {
    const Ran ran = in_directory("bsdtar -tv --numeric-owner -f ../archive.tar");
    EXPECT_THAT(ran.output, testing::HasSubstr("259,70000"));
    EXPECT_THAT(ran.output, testing::HasSubstr("4000000000"));
  }
}

TEST_F(TarInterop, ArchivesOfOthersAreRead) {
  write_archive({});
  write_text(into_ / "d" / (std::string(200, 'n')), "long name");
  write_text(into_ / "d" / "plain", "plain");
  fs::resize_file(into_ / "d" / "plain", 2 * MiB);
  fs::create_symlink(std::string(200, 't'), into_ / "d" / "link");
  for (const char* command :
       {"tar --format=gnu -c", "tar --format=pax -c", "tar --format=pax --sparse -c",
        "bsdtar --format=pax -c", "bsdtar --format=gnutar --read-sparse -c"}) {
    SCOPED_TRACE(command);
    if (!installed(std::string(command).substr(0, std::string(command).find(' ')))) {
      continue;
    }
    ASSERT_EQ(in_directory(std::string(command) + " -f ../other.tar .").status, 0);
    const std::string archive = read_text(directory_ / "other.tar");
    std::size_t seen = 0;
    for (const Content& content : read_archive(as_bytes(archive))) {
      const std::string& name = content.member.name;
      ASSERT_TRUE(fs::exists(fs::symlink_status(into_ / name))) << name;
      ++seen;
      if (content.member.type == MemberType::file) {
        EXPECT_EQ(content.data, read_text(into_ / name)) << name;
      } else if (content.member.type == MemberType::symlink) {
        EXPECT_EQ(content.member.link_target, std::string(200, 't'));
      }
    }
    EXPECT_EQ(seen, 5U);  // The root and d, two files and a link.
  }
}

}  // namespace
}  // namespace mixtape::format::test
