// SPDX-License-Identifier: Apache-2.0
#include "tests/service/sudden_death.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <iostream>

namespace mixtape::test {
namespace {

constexpr std::int64_t kForEver = -1;
std::atomic<std::int64_t> changes_left{kForEver};
std::atomic<int> written_last{-1};

void change_follows() {
  written_last = -1;
  if (changes_left != kForEver && changes_left-- == 0) {
    ::kill(::getpid(), SIGKILL);
  }
}

void write_follows(int fd) {
  if (written_last.exchange(fd) != fd) {
    change_follows();
    written_last = fd;
  }
}

}  // namespace

bool survives(std::uint64_t change, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    changes_left = static_cast<std::int64_t>(change);
    try {
      work();
    } catch (const std::exception& error) {
      std::cerr << error.what() << std::endl;
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(killed || status == 0) << "before change " << change << ": status " << status;
  return !killed;
}

}  // namespace mixtape::test

// These stand before libc's for the whole program, libraries included; those with offsets under
// their 64-bit names.
// NOLINTBEGIN
using mixtape::test::change_follows;
using mixtape::test::write_follows;

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  write_follows(fd);
  return ::syscall(SYS_write, fd, bytes, size);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  write_follows(fd);
  return ::syscall(SYS_pwrite64, fd, bytes, size, offset);
}
int ftruncate(int fd, off_t size) noexcept {
  change_follows();
  return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}
int fsync(int fd) {
  change_follows();
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
int fdatasync(int fd) {
  change_follows();
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
int syncfs(int fd) noexcept {
  change_follows();
  return static_cast<int>(::syscall(SYS_syncfs, fd));
}
int mkdirat(int directory, const char* name, mode_t mode) noexcept {
  change_follows();
  return static_cast<int>(::syscall(SYS_mkdirat, directory, name, mode));
}
int mkdir(const char* name, mode_t mode) noexcept {
  return ::mkdirat(AT_FDCWD, name, mode);
}
int linkat(int from, const char* name, int to, const char* link, int flags) noexcept {
  change_follows();
  return static_cast<int>(::syscall(SYS_linkat, from, name, to, link, flags));
}
int link(const char* name, const char* link) noexcept {
  return ::linkat(AT_FDCWD, name, AT_FDCWD, link, 0);
}
int renameat(int from, const char* name, int to, const char* new_name) noexcept {
  change_follows();
  return static_cast<int>(::syscall(SYS_renameat2, from, name, to, new_name, 0));
}
int rename(const char* name, const char* new_name) noexcept {
  return ::renameat(AT_FDCWD, name, AT_FDCWD, new_name);
}
int unlinkat(int directory, const char* name, int flags) noexcept {
  change_follows();
  return static_cast<int>(::syscall(SYS_unlinkat, directory, name, flags));
}
int unlink(const char* name) noexcept {
  return ::unlinkat(AT_FDCWD, name, 0);
}

}  // extern "C"
// NOLINTEND
