// SPDX-License-Identifier: Apache-2.0
#include "engine/service/passing_directory.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <system_error>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::service {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "mixtape-";
constexpr std::string_view kAnyName = "XXXXXX";  // As mkdtemp(3) wants it.
constexpr const char* kLock = "passing.lock";
constexpr mode_t kModeBits = 07777;

// What is read of media is cached there: rather a disk than memory.
fs::path parent() {
  const char* chosen = ::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
}

fs::path make_directory() {
  std::string name = (parent() / (std::string(kPrefix) + std::string(kAnyName))).string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw_errno("make the directory " + name);
  }
  return name;
}

// Its lock last: what is left when this process is killed here, too, is still known as ours.
void clear(const fs::path& directory) {
  std::error_code trouble;
  for (const auto& entry : fs::directory_iterator(directory, trouble)) {
    if (entry.path().filename() != kLock) {
      std::error_code left;
      fs::remove_all(entry.path(), left);
      trouble = left ? left : trouble;
    }
  }
  if (!trouble) {
    fs::remove_all(directory, trouble);
  }
  if (trouble) {
    spdlog::warn("remove {}: {}", directory.string(), trouble.message());
  }
}

// Not valid: somebody who clears away found it before it was locked, and took it.
tapeio::UniqueFd lock_new(const fs::path& directory) {
  tapeio::UniqueFd lock =
      tapeio::open_file((directory / kLock).string(), O_RDWR | O_CREAT | O_EXCL, 0600);
  struct stat held {};
  if (::flock(lock.get(), LOCK_EX) != 0 || ::fstat(lock.get(), &held) != 0) {
    throw_errno("lock " + (directory / kLock).string());
  }
  return held.st_nlink > 0 ? std::move(lock) : tapeio::UniqueFd();
}

bool is_our_name(const std::string& name) {
  return name.starts_with(kPrefix) && name.size() == kPrefix.size() + kAnyName.size();
}

// Of this user, for him alone, with a lock that nobody holds. No link is followed.
void clear_if_left(const fs::path& directory) {
  const tapeio::UniqueFd opened(
      ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!opened.valid() || ::fstat(opened.get(), &found) != 0 || found.st_uid != ::geteuid() ||
      (found.st_mode & kModeBits) != S_IRWXU) {
    return;
  }
  const tapeio::UniqueFd lock(
      ::openat(opened.get(), kLock, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat locked {};
  struct stat named {};
  if (!lock.valid() || ::fstat(lock.get(), &locked) != 0 || !S_ISREG(locked.st_mode) ||
      locked.st_uid != ::geteuid() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 ||
      ::lstat(directory.c_str(), &named) != 0 || named.st_dev != found.st_dev ||
      named.st_ino != found.st_ino) {
    return;
  }
  spdlog::info("clearing away {}, which a process that was killed has left", directory.string());
  clear(directory);
}

void clear_what_is_left() {
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(parent(), unreadable)) {
    if (is_our_name(entry.path().filename().string())) {
      clear_if_left(entry.path());
    }
  }
}

}  // namespace

PassingDirectory::PassingDirectory() {
  clear_what_is_left();
  while (!lock_.valid()) {
    path_ = make_directory();
    try {
      lock_ = lock_new(path_);
    } catch (...) {
      clear(path_);
      throw;
    }
  }
}

PassingDirectory::~PassingDirectory() {
  clear(path_);
}

}  // namespace mixtape::service
