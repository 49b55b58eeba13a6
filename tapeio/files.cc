// SPDX-License-Identifier: Apache-2.0
#include "tapeio/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "tapeio/error.h"

namespace mixtape::tapeio {
namespace {

// Repeats a system call while a signal interrupts it.
template <typename Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result;
}

// Repeats `transfer(done)` until `size` bytes are through or it returns 0.
template <typename Transfer>
std::size_t transfer_all(std::size_t size, const std::string& what, Transfer transfer) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t moved = retry_interrupted([&] { return transfer(done); });
    if (moved < 0) {
      throw_errno(what);
    }
    if (moved == 0) {
      break;
    }
    done += static_cast<std::size_t>(moved);
  }
  return done;
}

void require_all_written(std::size_t done, ByteView bytes, const std::string& path) {
  if (done != bytes.size()) {
    throw Error(ErrorCode::io, "write " + path + ": the file took no more bytes");
  }
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

UniqueFd open_file(const std::string& path, int flags, mode_t mode) {
  return open_file_at(AT_FDCWD, path, flags, mode);
}

UniqueFd open_file_at(int directory, const std::string& name, int flags, mode_t mode) {
  const int fd =
      retry_interrupted([&] { return ::openat(directory, name.c_str(), flags | O_CLOEXEC, mode); });
  if (fd < 0) {
    throw_errno("open " + name);
  }
  return UniqueFd(fd);
}

std::size_t read_full(int fd, MutableBytes into, const std::string& path) {
  return transfer_all(into.size(), "read " + path, [&](std::size_t done) {
    return ::read(fd, into.data() + done, into.size() - done);
  });
}

std::size_t read_full_at(int fd, MutableBytes into, std::uint64_t offset, const std::string& path) {
  return transfer_all(into.size(), "read " + path, [&](std::size_t done) {
    return ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
  });
}

void write_full(int fd, ByteView bytes, const std::string& path) {
  const std::size_t done = transfer_all(bytes.size(), "write " + path, [&](std::size_t sent) {
    return ::write(fd, bytes.data() + sent, bytes.size() - sent);
  });
  require_all_written(done, bytes, path);
}

void write_full_at(int fd, ByteView bytes, std::uint64_t offset, const std::string& path) {
  const std::size_t done = transfer_all(bytes.size(), "write " + path, [&](std::size_t sent) {
    return ::pwrite(fd, bytes.data() + sent, bytes.size() - sent,
                    static_cast<off_t>(offset + sent));
  });
  require_all_written(done, bytes, path);
}

void fsync_file(int fd, const std::string& path) {
  if (retry_interrupted([&] { return ::fsync(fd); }) < 0) {
    throw_errno("make durable " + path);
  }
}

void fsync_directory(const std::string& path) {
  const UniqueFd directory = open_file(path, O_RDONLY | O_DIRECTORY);
  fsync_file(directory.get(), path);
}

Bytes read_file(const std::string& path, std::uint64_t limit, int more_flags) {
  const UniqueFd file = open_file(path, O_RDONLY | more_flags);
  struct stat status;
  if (::fstat(file.get(), &status) < 0) {
    throw_errno("read " + path);
  }
  const auto announced = static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0));
  // One byte more than announced: a file in /proc announces none, and one that grows is noticed.
  Bytes content(static_cast<std::size_t>(std::min(announced, limit)) + 1);
  std::size_t size = read_full(file.get(), content, path);
  while (size == content.size() && size <= limit) {
    content.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size * 2, limit + 1)));
    size += read_full(file.get(), MutableBytes(content).subspan(size), path);
  }
  if (size > limit) {
    throw Error(ErrorCode::corrupt,
                "read " + path + ": larger than the " + std::to_string(limit) + " bytes allowed");
  }
  content.resize(size);
  return content;
}

void write_file_durably(const std::string& path, ByteView content, mode_t mode) {
  const std::string fresh = path + ".new";
  const UniqueFd file = open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
  write_full(file.get(), content, fresh);
  fsync_file(file.get(), fresh);
  rename_file(fresh, path);
  fsync_directory(directory_of(path));
}

void make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) {
    return;
  }
  const std::string parent = directory_of(path);
  if (errno == ENOENT && parent != path) {
    make_directories(parent, mode);
    if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) {
      return;
    }
  }
  throw_errno("make directory " + path);
}

void rename_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) < 0) {
    throw_errno("rename " + from + " to " + to);
  }
}

bool remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0) {
    return true;
  }
  if (errno == ENOENT) {
    return false;
  }
  throw_errno("remove " + path);
}

}  // namespace mixtape::tapeio
