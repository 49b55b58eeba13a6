// SPDX-License-Identifier: Apache-2.0
#include "engine/service/source_guard.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "engine/archive/metadata.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::service {
namespace {

constexpr std::size_t kReadBuffer = 1 * MiB;

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool same_state(const struct stat& a, const struct stat& b) {
  return same_file(a, b) && a.st_size == b.st_size && S_ISREG(b.st_mode) &&
         nanoseconds(a.st_mtim) == nanoseconds(b.st_mtim) &&
         nanoseconds(a.st_ctim) == nanoseconds(b.st_ctim);
}

std::string words_of(int error) {
  return std::generic_category().message(error);
}

}  // namespace

SourceGuard::SourceGuard(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  name_ = path.substr(slash + 1);
  open_directory(path.substr(0, slash + 1));
  if (directory_.valid()) {
    open_file();
  }
}

bool SourceGuard::refuse(std::string why) {
  why_ = std::move(why);
  return false;
}

void SourceGuard::open_directory(const std::string& path) {
  tapeio::UniqueFd at(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t begin = 1; at.valid() && begin < path.size();) {
    const std::size_t end = path.find('/', begin);
    const std::string component = path.substr(begin, end - begin);
    tapeio::UniqueFd next(
        ::openat(at.get(), component.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) {
      absent_ = errno == ENOENT;
      (void)refuse(errno == ELOOP || errno == ENOTDIR
                       ? "/" + path.substr(1, end - 1) + " is no directory, or a symlink"
                       : words_of(errno));
      return;
    }
    at = std::move(next);
    begin = end + 1;
  }
  if (!at.valid()) {
    (void)refuse(words_of(errno));
  }
  directory_ = std::move(at);
}

void SourceGuard::open_file() {
  file_ = tapeio::UniqueFd(
      ::openat(directory_.get(), name_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file_.valid()) {
    absent_ = errno == ENOENT;
    (void)refuse(errno == ELOOP ? "it is a symlink now" : words_of(errno));
    return;
  }
  if (::fstat(file_.get(), &status_) != 0) {
    (void)refuse(words_of(errno));
  } else if (!S_ISREG(status_.st_mode)) {
    (void)refuse("it is no file any more");
  } else {
    keep_writers_out();
  }
}

void SourceGuard::keep_writers_out() {
  // Whoever opens it for writing breaks the lease, and is held up until it is given back with the
  // descriptor. The signal of that would end the program; this one is ignored by default.
  if (::fcntl(file_.get(), F_SETSIG, SIGURG) == 0 &&
      ::fcntl(file_.get(), F_SETLEASE, F_RDLCK) == 0) {
    return;
  }
  if (errno == EAGAIN) {
    (void)refuse("somebody has it open for writing");
    return;
  }
  const std::string why = errno == EACCES ? "the file is another user's"
                                          : "no lease on this file system: " + words_of(errno);
  (void)refuse("another program's writing to it cannot be kept out here (" + why +
               "); delete it by hand");
}

bool SourceGuard::is(const catalog::Version& version, Reporter& reporter) {
  if (!why_.empty()) {
    return false;
  }
  if (static_cast<std::uint64_t>(status_.st_size) != version.size) {
    return refuse("it has another size than when it was backed up");
  }
  if (nanoseconds(status_.st_mtim) != version.metadata.mtime_ns) {
    return refuse("it was changed since it was backed up");
  }
  if (!version.hash) {
    return refuse("its hash is not known; `mixtape verify` learns it");
  }
  if (!has_metadata(version.metadata) || !has_hash(*version.hash, reporter)) {
    return false;
  }
  hashed_ = true;
  return is_unchanged();
}

bool SourceGuard::has_metadata(const catalog::Metadata& metadata) {
  catalog::Metadata now;
  now.mode = status_.st_mode;
  // Through the directory's descriptor: what is a symlink on the way by now does not matter.
  const std::string path = "/proc/self/fd/" + std::to_string(directory_.get()) + "/" + name_;
  if (const int error = archive::complete_metadata(path, now); error != 0) {
    return refuse("its attributes cannot be read: " + words_of(error));
  }
  return (now.mode == metadata.mode && status_.st_uid == metadata.uid &&
          status_.st_gid == metadata.gid && now.xattrs == metadata.xattrs) ||
         refuse(
             "its mode, owner or attributes changed since it was backed up; run `mixtape backup`");
}

bool SourceGuard::has_hash(const catalog::Hash& hash, Reporter& reporter) {
  // What was stored through a mapping changes the file's time only where the page was clean before.
  if (::fsync(file_.get()) != 0) {
    return refuse("it cannot be brought to its disk: " + words_of(errno));
  }
  format::Hasher hasher;
  Bytes buffer(kReadBuffer);
  try {
    while (const std::size_t size = tapeio::read_full(file_.get(), buffer, name_)) {
      if (reporter.stop().stop_requested()) {
        throw Error(ErrorCode::cancelled, "release: stopped");
      }
      hasher.update(ByteView(buffer).first(size));
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::cancelled) {
      throw;
    }
    return refuse(error.what());
  }
  return hasher.finish() == hash ||
         refuse("its content is not what was backed up, though its size and time are");
}

bool SourceGuard::is_unchanged() {
  struct stat now {};
  struct stat named {};
  if (::fstat(file_.get(), &now) != 0 ||
      ::fstatat(directory_.get(), name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) {
    return refuse(words_of(errno));
  }
  if (!same_file(status_, named)) {
    return refuse("another file has its name now");
  }
  if (!same_state(status_, now)) {
    return refuse("it was changed while it was checked");
  }
  if (::fcntl(file_.get(), F_GETLEASE) != F_RDLCK) {
    return refuse("somebody opened it for writing while it was checked");
  }
  return true;
}

bool SourceGuard::remove() {
  MIXTAPE_ASSERT(hashed_);
  if (!is_unchanged()) {
    return false;
  }
  return ::unlinkat(directory_.get(), name_.c_str(), 0) == 0 || refuse(words_of(errno));
}

}  // namespace mixtape::service
