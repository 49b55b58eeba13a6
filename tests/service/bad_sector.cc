// SPDX-License-Identifier: Apache-2.0
#include "tests/service/bad_sector.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace mixtape::test {
namespace {

std::atomic<ino_t> bad_inode = 0;

bool is_bad(int fd) {
  struct stat found {};
  return bad_inode != 0 && ::fstat(fd, &found) == 0 && found.st_ino == bad_inode;
}

}  // namespace

BadSector::BadSector(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) == 0) {
    bad_inode = found.st_ino;
  }
}

BadSector::~BadSector() {
  bad_inode = 0;
}

}  // namespace mixtape::test

// The C library's functions of these names, for this program: the linker takes the first it meets.
extern "C" {

ssize_t read(int fd, void* into, size_t size) {
  if (mixtape::test::is_bad(fd)) {
    errno = EIO;
    return -1;
  }
  return ::syscall(SYS_read, fd, into, size);
}

ssize_t pread(int fd, void* into, size_t size, off_t offset) {
  if (mixtape::test::is_bad(fd)) {
    errno = EIO;
    return -1;
  }
  return ::syscall(SYS_pread64, fd, into, size, offset);
}
}
