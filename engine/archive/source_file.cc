// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/source_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mixtape::archive {
namespace {

// Enough to keep the queue of a disk busy, few enough for any limit on open files.
constexpr std::size_t kOpenAhead = 16;
// What the kernel is asked to fetch of a file that was opened ahead; its own read-ahead does the
// rest.
constexpr off_t kReadAhead = 1 << 20;
// A file with more pieces than a tar member can describe is stored whole.
constexpr std::size_t kMostExtents = format::kMaxSparseExtents;

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::string reason(const char* what, int error_number) {
  return std::string(what) + ": " + std::strerror(error_number);
}

// Never blocks on a FIFO that took the file's place, never follows a link that did.
constexpr int kOpenFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

int open_quietly(int directory, const char* name, bool& keep_access_time) {
  if (keep_access_time) {
    const int fd = ::openat(directory, name, kOpenFlags | O_NOATIME);
    if (fd >= 0 || errno != EPERM) {
      return fd;
    }
    keep_access_time = false;  // Only the owner of a file may ask for it.
  }
  return ::openat(directory, name, kOpenFlags);
}

}  // namespace

SourceFile SourceFile::missing(std::string fault) {
  SourceFile source;
  source.fault_ = std::move(fault);
  return source;
}

SourceFile SourceFile::open(const Item& item, int directory, const char* name,
                            bool& keep_access_time) {
  SourceFile source;
  source.fd_.reset(open_quietly(directory, name, keep_access_time));
  if (!source.fd_.valid()) {
    source.fault_ = reason("cannot be opened", errno);
    return source;
  }
  source.ctime_matters_ = item.state.ctime_ns != 0;
  if (!source.stamp(source.before_)) {
    source.fd_.reset();
    source.fault_ = "is not a regular file any more";
    return source;
  }
  const auto differs = [](auto expected, auto is) { return expected != 0 && expected != is; };
  const SourceState& state = item.state;
  const Stamp& is = source.before_;
  if (is.size != item.size) {
    source.fault_ =
        "has " + std::to_string(is.size) + " bytes now, not " + std::to_string(item.size);
  } else if (differs(state.mtime_ns, is.mtime_ns) || differs(state.device, is.device) ||
             differs(state.inode, is.inode) || differs(state.ctime_ns, is.ctime_ns)) {
    source.fault_ = "changed after it was scanned";
  }
  if (is.size > static_cast<std::uint64_t>(kReadAhead)) {
    ::posix_fadvise(source.fd_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ::posix_fadvise(source.fd_.get(), 0, kReadAhead, POSIX_FADV_WILLNEED);
  return source;
}

bool SourceFile::stamp(Stamp& into) const {
  struct stat found {};
  if (::fstat(fd_.get(), &found) != 0 || !S_ISREG(found.st_mode)) {
    return false;
  }
  into = {found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_size),
          nanoseconds(found.st_mtim), ctime_matters_ ? nanoseconds(found.st_ctim) : 0};
  return true;
}

void SourceFile::read(std::uint64_t offset, MutableBytes into) {
  std::size_t done = 0;
  while (fd_.valid() && done < into.size()) {
    const ssize_t got = ::pread(fd_.get(), into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      if (fault_.empty()) {
        fault_ = got < 0 ? reason("cannot be read", errno) : "became shorter while it was written";
      }
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  std::fill(into.begin() + static_cast<std::ptrdiff_t>(done), into.end(), std::byte{});
}

std::string SourceFile::finish() {
  if (fault_.empty()) {
    Stamp after;
    if (!stamp(after) || after != before_) {
      fault_ = "changed while it was written";
    }
  }
  fd_.reset();
  return std::move(fault_);
}

SourceFile SourceQueue::open(const Item& item) {
  const ParentDirectory::Place place = parent_.of(item.source);
  return place.error == 0
             ? SourceFile::open(item, place.directory, place.name, keep_access_time_)
             : SourceFile::missing(reason("its directory cannot be opened", place.error));
}

SourceFile SourceQueue::next() {
  while (ahead_.size() < kOpenAhead && opened_ < items_.size()) {
    ahead_.push_back(open(*items_[opened_++]));
  }
  SourceFile source = std::move(ahead_.front());
  ahead_.pop_front();
  return source;
}

std::optional<std::vector<format::SparseExtent>> find_extents(const std::string& path,
                                                              std::uint64_t size) {
  const tapeio::UniqueFd fd(::open(path.c_str(), kOpenFlags));
  std::vector<format::SparseExtent> extents;
  off_t end = 0;
  while (fd.valid() && static_cast<std::uint64_t>(end) < size) {
    const off_t data = ::lseek(fd.get(), end, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
      break;  // Only a hole is left.
    }
    const off_t hole = data < 0 ? -1 : ::lseek(fd.get(), data, SEEK_HOLE);
    if (hole < 0 || extents.size() == kMostExtents) {
      return std::nullopt;
    }
    const std::uint64_t from = static_cast<std::uint64_t>(data);
    const std::uint64_t to = std::min(static_cast<std::uint64_t>(hole), size);
    if (from >= to) {
      break;
    }
    extents.push_back({from, to - from});
    end = hole;
  }
  auto blocks = format::whole_blocks(extents, size);
  if (!fd.valid() || (blocks.size() == 1 && blocks.front() == format::SparseExtent{0, size})) {
    return std::nullopt;
  }
  return blocks;
}

}  // namespace mixtape::archive
