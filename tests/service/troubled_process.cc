// SPDX-License-Identifier: Apache-2.0
#include "tests/service/troubled_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <iostream>

#include "tapeio/error.h"

namespace mixtape::test {
namespace {

constexpr std::int64_t kForEver = -1;
std::atomic<Fate> fate_then{Fate::killed};
std::atomic<std::int64_t> changes_left{kForEver};
std::atomic<bool> met{false};
std::atomic<int> written_last{-1};

enum class Needs { room, nothing };

// The errno with which this change fails; 0: it is done.
int change_follows(Needs needs) {
  written_last = -1;
  if (met) {
    return fate_then == Fate::disk_full && needs == Needs::room ? ENOSPC : 0;
  }
  if (changes_left == kForEver || changes_left-- != 0) {
    return 0;
  }
  met = true;
  switch (fate_then) {
    case Fate::killed:
      ::kill(::getpid(), SIGKILL);
      return EIO;
    case Fate::disk_full:
      return needs == Needs::room ? ENOSPC : 0;
    case Fate::fails_once:
      return EIO;
  }
  return 0;
}

int write_follows(int fd) {
  // What tells of the ending is no change, and what it says is heard.
  if (fd == STDERR_FILENO || changes_left == kForEver) {
    return 0;
  }
  const bool goes_on = written_last.exchange(fd) == fd;
  if (goes_on && !(met && fate_then == Fate::disk_full)) {
    return 0;
  }
  const int error = change_follows(Needs::room);
  written_last = error == 0 ? fd : -1;
  return error;
}

constexpr int kMet = 3, kThrew = 4;

// In the process of its own.
[[noreturn]] void live(Fate fate, std::uint64_t change, const std::function<void()>& work,
                       int telling) {
  fate_then = fate;
  changes_left = static_cast<std::int64_t>(change);
  int status = 0;
  std::string said;
  try {
    work();
  } catch (const Error& error) {
    said = error.what();
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    status = 1;
  }
  if (!said.empty()) {
    (void)!::syscall(SYS_write, telling, said.data(), said.size());
    status = kThrew;
  } else if (status == 0 && met) {
    status = kMet;
  }
  ::_exit(status);
}

std::string heard(int telling) {
  std::string said(4096, '\0');
  std::size_t size = 0;
  for (ssize_t n = 0; size < said.size(); size += static_cast<std::size_t>(n)) {
    n = ::read(telling, said.data() + size, said.size() - size);
    if (n <= 0) {
      break;
    }
  }
  said.resize(size);
  return said;
}

}  // namespace

const char* name_of(Fate fate) {
  switch (fate) {
    case Fate::killed:
      return "killed before change ";
    case Fate::disk_full:
      return "disk full from change ";
    case Fate::fails_once:
      return "failing at change ";
  }
  return "";
}

std::string fate_of_case(const testing::TestParamInfo<Fate>& info) {
  switch (info.param) {
    case Fate::killed:
      return "Killed";
    case Fate::disk_full:
      return "DiskFull";
    case Fate::fails_once:
      return "FailsOnce";
  }
  return "";
}

Ending meets(Fate fate, std::uint64_t change, const std::function<void()>& work) {
  int telling[2];
  EXPECT_EQ(::pipe(telling), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(telling[0]);
    live(fate, change, work, telling[1]);
  }
  ::close(telling[1]);
  Ending ending{.met = false, .error = heard(telling[0])};
  ::close(telling[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  EXPECT_TRUE((killed && fate == Fate::killed) || code == 0 || code == kMet || code == kThrew)
      << name_of(fate) << change << ": status " << status;
  ending.met = killed || code == kMet || code == kThrew;
  return ending;
}

}  // namespace mixtape::test

// These stand before libc's for the whole program, libraries included; those with offsets under
// their 64-bit names.
// NOLINTBEGIN
namespace {

using mixtape::test::change_follows;
using mixtape::test::Needs;
using mixtape::test::write_follows;

template <typename Result, typename Call>
Result unless(int error, Call call) {
  if (error != 0) {
    errno = error;
    return -1;
  }
  return static_cast<Result>(call());
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  return unless<ssize_t>(write_follows(fd), [&] { return ::syscall(SYS_write, fd, bytes, size); });
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  return unless<ssize_t>(write_follows(fd),
                         [&] { return ::syscall(SYS_writev, fd, parts, count); });
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return unless<ssize_t>(write_follows(fd),
                         [&] { return ::syscall(SYS_pwrite64, fd, bytes, size, offset); });
}
int ftruncate(int fd, off_t size) noexcept {
  return unless<int>(change_follows(Needs::nothing),
                     [&] { return ::syscall(SYS_ftruncate, fd, size); });
}
int fsync(int fd) {
  return unless<int>(change_follows(Needs::nothing), [&] { return ::syscall(SYS_fsync, fd); });
}
int fdatasync(int fd) {
  return unless<int>(change_follows(Needs::nothing), [&] { return ::syscall(SYS_fdatasync, fd); });
}
int syncfs(int fd) noexcept {
  return unless<int>(change_follows(Needs::nothing), [&] { return ::syscall(SYS_syncfs, fd); });
}
int mkdirat(int directory, const char* name, mode_t mode) noexcept {
  if (::faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;  // That needs no room.
    return -1;
  }
  return unless<int>(change_follows(Needs::room),
                     [&] { return ::syscall(SYS_mkdirat, directory, name, mode); });
}
int mkdir(const char* name, mode_t mode) noexcept {
  return ::mkdirat(AT_FDCWD, name, mode);
}
int linkat(int from, const char* name, int to, const char* link, int flags) noexcept {
  return unless<int>(change_follows(Needs::room),
                     [&] { return ::syscall(SYS_linkat, from, name, to, link, flags); });
}
int link(const char* name, const char* link) noexcept {
  return ::linkat(AT_FDCWD, name, AT_FDCWD, link, 0);
}
int renameat(int from, const char* name, int to, const char* new_name) noexcept {
  return unless<int>(change_follows(Needs::nothing),
                     [&] { return ::syscall(SYS_renameat2, from, name, to, new_name, 0); });
}
int rename(const char* name, const char* new_name) noexcept {
  return ::renameat(AT_FDCWD, name, AT_FDCWD, new_name);
}
int unlinkat(int directory, const char* name, int flags) noexcept {
  return unless<int>(change_follows(Needs::nothing),
                     [&] { return ::syscall(SYS_unlinkat, directory, name, flags); });
}
int unlink(const char* name) noexcept {
  return ::unlinkat(AT_FDCWD, name, 0);
}

}  // extern "C"
// NOLINTEND
