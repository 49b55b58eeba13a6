// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "engine/archive/metadata.h"
#include "engine/archive/scan_compare.h"
#include "tapeio/unique_fd.h"

namespace mixtape::archive {
namespace {

// Large enough that system calls cost nothing, small enough for a core's cache while it is hashed.
constexpr std::size_t kBuffer = 256 * KiB;
// Below this the kernel's own reading ahead has the whole file at once.
constexpr std::uint64_t kWorthAdvice = 128 * KiB;

bool stands_as(int fd, const catalog::FileIdentity& expected) {
  FileStat stat;
  if (stat_of(fd, stat) != 0 || !stat.is_file()) {
    return false;
  }
  catalog::FileIdentity found = to_identity(stat);
  if (expected.ctime_ns == 0) {
    found.ctime_ns = 0;
  }
  return found == expected;
}

}  // namespace

FileReader::FileReader(std::atomic<std::uint64_t>& read_bytes,
                       const std::function<void(const std::string&)>& while_reading)
    : read_bytes_(read_bytes),
      while_reading_(while_reading),
      buffer_(kBuffer),
      no_access_time_(O_NOATIME) {}

int FileReader::open_source(const std::string& path) {
  // O_NONBLOCK: should a fifo stand there by now, nobody waits for its other end.
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const ParentDirectory::Place place = parent_.of(path);
  if (place.error != 0) {
    errno = place.error;
    return -1;
  }
  int fd = openat(place.directory, place.name, flags | no_access_time_);
  if (fd < 0 && errno == EPERM && no_access_time_ != 0) {
    // Only the owner may read without leaving a trace.
    no_access_time_ = 0;
    fd = openat(place.directory, place.name, flags);
  }
  return fd;
}

FileReader::Result FileReader::hash(const std::string& path, const catalog::FileIdentity& expected,
                                    const std::stop_token& stop) {
  const tapeio::UniqueFd fd(open_source(path));
  if (!fd.valid()) {
    const bool gone = errno == ENOENT || errno == ENOTDIR;
    const bool other = errno == ELOOP;  // A symlink stands there now.
    return {.outcome = gone    ? Outcome::vanished
                       : other ? Outcome::changed
                               : Outcome::unreadable,
            .error = errno,
            .digest = {}};
  }
  Result result{.outcome = Outcome::changed, .error = 0, .digest = {}};
  if (!stands_as(fd.get(), expected)) {
    return result;
  }
  if (expected.size > kWorthAdvice) {
    posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  std::uint64_t position = 0;
  while (position < expected.size) {
    if (stop.stop_requested()) {
      result.outcome = Outcome::stopped;
      break;
    }
    const ssize_t size = ::read(fd.get(), buffer_.data(), buffer_.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      result.outcome = Outcome::unreadable;
      result.error = errno;
      break;
    }
    if (size == 0) {
      break;
    }
    hasher_.update(ByteView(buffer_).first(static_cast<std::size_t>(size)));
    position += static_cast<std::uint64_t>(size);
    read_bytes_.fetch_add(static_cast<std::uint64_t>(size), std::memory_order_relaxed);
    if (while_reading_) {
      while_reading_(path);
    }
  }
  result.digest = hasher_.finish();
  if (position == expected.size && result.outcome == Outcome::changed &&
      stands_as(fd.get(), expected)) {
    result.outcome = Outcome::hashed;
  }
  return result;
}

}  // namespace mixtape::archive
