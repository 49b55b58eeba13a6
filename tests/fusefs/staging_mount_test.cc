// SPDX-License-Identifier: Apache-2.0
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "tests/fusefs/mounted_world.h"

// staging/ behaves as a local disk file system.

namespace mixtape::fusefs {
namespace {

class StagingMountTest : public MountTest {
 protected:
  [[nodiscard]] std::filesystem::path on_disk(const std::string& path) {
    return world.staging.tree() / path;
  }
};

TEST_F(StagingMountTest, WhatIsWrittenIsThereAndOnDisk) {
  write("staging/a", "hello");
  EXPECT_EQ(text("staging/a"), "hello");
  EXPECT_EQ(test::read_text(on_disk("a")), "hello");
  EXPECT_EQ(status("staging/a").st_size, 5);
}

TEST_F(StagingMountTest, ModesFollowTheCallersUmask) {
  const mode_t before = ::umask(027);
  write("staging/a", "x");
  ASSERT_EQ(::mkdir(at("staging/d").c_str(), 0777), 0);
  ::umask(before);
  EXPECT_EQ(status("staging/a").st_mode & 07777, 0640U);
  EXPECT_EQ(status("staging/d").st_mode & 07777, 0750U);
}

TEST_F(StagingMountTest, AppendingAndOverwritingKeepTheRest) {
  write("staging/a", "hello");
  write("staging/a", " world", O_APPEND);
  const tapeio::UniqueFd fd = open("staging/a", O_RDWR);
  ASSERT_EQ(::pwrite(fd.get(), "J", 1, 0), 1);
  EXPECT_EQ(text("staging/a"), "Jello world");
}

TEST_F(StagingMountTest, TruncatingCutsAndGrows) {
  write("staging/a", "hello");
  ASSERT_EQ(::truncate(at("staging/a").c_str(), 2), 0);
  EXPECT_EQ(text("staging/a"), "he");
  const tapeio::UniqueFd fd = open("staging/a", O_RDWR);
  ASSERT_EQ(::ftruncate(fd.get(), 4), 0);
  EXPECT_EQ(text("staging/a"), std::string("he\0\0", 4));
  ASSERT_EQ(::fallocate(fd.get(), 0, 0, 100), 0);
  EXPECT_EQ(status("staging/a").st_size, 100);
}

TEST_F(StagingMountTest, AnEditorSavesByRename) {
  write("staging/a.txt", "old");
  {
    const tapeio::UniqueFd fd = open("staging/.a.txt.swp", O_WRONLY | O_CREAT | O_EXCL);
    ASSERT_EQ(::write(fd.get(), "new", 3), 3);
    ASSERT_EQ(::fsync(fd.get()), 0);
  }
  ASSERT_EQ(::rename(at("staging/.a.txt.swp").c_str(), at("staging/a.txt").c_str()), 0);
  const tapeio::UniqueFd directory = open("staging", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(::fsync(directory.get()), 0);
  EXPECT_EQ(text("staging/a.txt"), "new");
  EXPECT_EQ(run("ls -A staging"), "a.txt\n");
}

TEST_F(StagingMountTest, RenamesMoveTreesAndHonourTheirFlags) {
  ASSERT_EQ(::mkdir(at("staging/d").c_str(), 0755), 0);
  write("staging/d/a", "1");
  write("staging/b", "2");
  const tapeio::UniqueFd held = open("staging/d/a", O_RDWR);
  ASSERT_EQ(::rename(at("staging/d").c_str(), at("staging/e").c_str()), 0);
  EXPECT_EQ(text("staging/e/a"), "1");
  EXPECT_EQ(::write(held.get(), "9", 1), 1);
  EXPECT_EQ(text("staging/e/a"), "9");
  const auto flagged = [&](unsigned flags) {
    return ::renameat2(AT_FDCWD, at("staging/b").c_str(), AT_FDCWD, at("staging/e/a").c_str(),
                       flags);
  };
  EXPECT_EQ(failure(flagged(RENAME_NOREPLACE)), EEXIST);
  ASSERT_EQ(flagged(RENAME_EXCHANGE), 0);
  EXPECT_EQ(text("staging/b"), "9");
  EXPECT_EQ(text("staging/e/a"), "2");
  EXPECT_EQ(failure(::rmdir(at("staging/e").c_str())), ENOTEMPTY);
}

TEST_F(StagingMountTest, LinksOfBothKinds) {
  write("staging/a", "1");
  ASSERT_EQ(::link(at("staging/a").c_str(), at("staging/b").c_str()), 0);
  ASSERT_EQ(::symlink("a", at("staging/s").c_str()), 0);
  EXPECT_EQ(status("staging/a").st_nlink, 2U);
  EXPECT_EQ(status("staging/a").st_ino, status("staging/b").st_ino);
  write("staging/b", "changed");
  EXPECT_EQ(text("staging/s"), "changed");
  EXPECT_EQ(std::filesystem::read_symlink(at("staging/s")), "a");
  ASSERT_EQ(::unlink(at("staging/a").c_str()), 0);
  EXPECT_EQ(text("staging/b"), "changed");
  EXPECT_EQ(status("staging/b").st_nlink, 1U);
}

TEST_F(StagingMountTest, ARemovedFileLivesAsLongAsItIsOpen) {
  const tapeio::UniqueFd fd = open("staging/a", O_RDWR | O_CREAT);
  ASSERT_EQ(::write(fd.get(), "ghost", 5), 5);
  ASSERT_EQ(::unlink(at("staging/a").c_str()), 0);
  EXPECT_EQ(read_all(fd), "ghost");
  struct stat status {};
  ASSERT_EQ(::fstat(fd.get(), &status), 0);
  EXPECT_EQ(status.st_size, 5);
  EXPECT_EQ(::fchmod(fd.get(), 0600), 0);
  EXPECT_EQ(::ftruncate(fd.get(), 1), 0);
}

TEST_F(StagingMountTest, SharedMappingsWriteThrough) {
  write("staging/a", std::string(8192, 'a'));
  const tapeio::UniqueFd fd = open("staging/a", O_RDWR);
  auto* mapped =
      static_cast<char*>(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
  ASSERT_NE(mapped, MAP_FAILED);
  mapped[0] = 'X';
  mapped[8191] = 'Y';
  ASSERT_EQ(::msync(mapped, 8192, MS_SYNC), 0);
  ::munmap(mapped, 8192);
  const std::string disk = test::read_text(on_disk("a"));
  EXPECT_EQ(disk.front(), 'X');
  EXPECT_EQ(disk.back(), 'Y');
}

TEST_F(StagingMountTest, TimesOwnersAndAttributesAreKept) {
  write("staging/a", "x");
  const timespec times[2] = {{1000, 1}, {2000, 2}};
  ASSERT_EQ(::utimensat(AT_FDCWD, at("staging/a").c_str(), times, 0), 0);
  EXPECT_EQ(status("staging/a").st_mtim.tv_sec, 2000);
  EXPECT_EQ(status("staging/a").st_mtim.tv_nsec, 2);
  ASSERT_EQ(::chmod(at("staging/a").c_str(), 0604), 0);
  EXPECT_EQ(status("staging/a").st_mode & 07777, 0604U);
  ASSERT_EQ(::setxattr(at("staging/a").c_str(), "user.colour", "red", 3, 0), 0);
  EXPECT_EQ(failure(::setxattr(at("staging/a").c_str(), "user.colour", "r", 1, XATTR_CREATE)),
            EEXIST);
  EXPECT_EQ(run("getfattr --only-values -n user.colour staging/a"), "red");
  EXPECT_EQ(run("getfattr --only-values -n user.mixtape.state staging/a"), "staged");
  ASSERT_EQ(::removexattr(at("staging/a").c_str(), "user.colour"), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(at("staging/a").c_str(), 1234, 4321), 0);
    EXPECT_EQ(status("staging/a").st_uid, 1234U);
    EXPECT_EQ(status("staging/a").st_gid, 4321U);
  }
}

TEST_F(StagingMountTest, HolesAreFound) {
  const tapeio::UniqueFd fd = open("staging/a", O_RDWR | O_CREAT);
  ASSERT_EQ(::ftruncate(fd.get(), 1 << 20), 0);
  ASSERT_EQ(::pwrite(fd.get(), "data", 4, 1 << 19), 4);
  EXPECT_EQ(::lseek(fd.get(), 0, SEEK_DATA), 1 << 19);
}

TEST_F(StagingMountTest, ToolsThatLockAndWalkWork) {
  const tapeio::UniqueFd fd = open("staging/a", O_RDWR | O_CREAT);
  EXPECT_EQ(::flock(fd.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(run("mkdir -p staging/x/y/z && cp -r /etc/ssl staging/x/ && rm -rf staging/x && "
                "ls -A staging"),
            "a\n");
}

TEST_F(StagingMountTest, NamesTooLongAreRefusedAndFullOnesAreNot) {
  write("staging/" + std::string(255, 'n'), "x");
  EXPECT_EQ(
      failure(::open(at("staging/" + std::string(256, 'n')).c_str(), O_WRONLY | O_CREAT, 0644)),
      ENAMETOOLONG);
}

TEST_F(StagingMountTest, PathsLongerThanOneSystemCallTakesAreReached) {
  const std::string part(200, 'p');
  tapeio::UniqueFd at_depth = open("staging", O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 30; ++depth) {
    ASSERT_EQ(::mkdirat(at_depth.get(), part.c_str(), 0755), 0) << depth;
    at_depth.reset(::openat(at_depth.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at_depth.valid()) << depth;
  }
  const tapeio::UniqueFd file(::openat(at_depth.get(), "deep", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_TRUE(file.valid());
  EXPECT_EQ(::write(file.get(), "x", 1), 1);
  EXPECT_EQ(::fsync(file.get()), 0);
}

class ReadOnlyMountTest : public MountTest {
 protected:
  [[nodiscard]] MountOptions options() const override {
    MountOptions options = MountTest::options();
    options.read_only = true;
    return options;
  }
};

TEST_F(ReadOnlyMountTest, HasNoStaging) {
  world.job().file("a", "one", true).finish();
  EXPECT_EQ(run("ls -A"), ".mixtape\nhistory\nlatest\nsnapshots\ntapes\n");
  EXPECT_EQ(text("latest/a"), "one");
  EXPECT_EQ(failure(::mkdir(at("staging").c_str(), 0755)), EROFS);
}

class SharedMountTest : public MountTest {
 protected:
  [[nodiscard]] MountOptions options() const override {
    MountOptions options = MountTest::options();
    options.allow_other = true;
    return options;
  }
};

TEST_F(SharedMountTest, TheKernelChecksModesAndNewFilesBelongToWhoMadeThem) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can be somebody else";
  }
  auto secret = catalog::file_metadata();
  secret.mode = S_IFREG | 0600;
  const auto content = world.content("secret");
  world.contents.put(catalog::number(content), "secret", true);
  world.job().add("secret", secret, content).finish();
  ASSERT_EQ(::chmod(at("staging").c_str(), 01777), 0);
  const std::string somebody = "setpriv --reuid 4711 --regid 4712 --clear-groups ";
  EXPECT_THAT(run(somebody + "cat latest/secret"), testing::HasSubstr("Permission denied"));
  EXPECT_EQ(run("setpriv --reuid 1000 --regid 1000 --clear-groups cat latest/secret"), "secret");
  EXPECT_EQ(run(somebody + "sh -c 'echo mine > staging/a && mkdir staging/d'"), "");
  EXPECT_EQ(run("stat -c '%u %g' staging/a staging/d"), "4711 4712\n4711 4712\n");
}

}  // namespace
}  // namespace mixtape::fusefs
