// SPDX-License-Identifier: Apache-2.0
// The part of the store that keeps contents that are not whole.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <string>
#include <utility>

#include "engine/recall/cache_part.h"
#include "engine/recall/cache_store.h"

namespace mixtape::recall {

std::filesystem::path CacheStore::part_path(const EntryHash& hash) const {
  return incoming_ / (to_hex(hash) + ".part");
}

std::shared_ptr<PartFile> CacheStore::take_part(const EntryHash& hash, std::uint64_t size) {
  const std::filesystem::path path = part_path(hash);
  tapeio::UniqueFd fd(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat locked {};
  struct stat named {};
  // Between open and lock its last writer may have made it an entry or thrown it away.
  if (!fd.valid() || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(fd.get(), &locked) != 0 ||
      ::lstat(path.c_str(), &named) != 0 || locked.st_ino != named.st_ino ||
      !S_ISREG(locked.st_mode)) {
    return nullptr;
  }
  auto part = std::make_shared<PartFile>(std::move(fd), size, path.string());
  part->begin(true);
  const std::lock_guard lock(mutex_);
  index_.remove(hash);
  on_their_way_[hash] = part;
  return part;
}

void CacheStore::leave_part(const EntryHash& hash, std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  on_their_way_.erase(hash);
  if (bytes > 0) {
    index_.use({.hash = hash, .size = bytes, .used_s = std::time(nullptr)});
  } else {
    ::unlink(part_path(hash).c_str());
  }
}

std::shared_ptr<PartFile> CacheStore::part(const EntryHash& hash) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = on_their_way_.find(hash); found != on_their_way_.end()) {
      return found->second;
    }
  }
  auto part = PartFile::look(part_path(hash));
  if (part) {
    touch(part->fd());
    const std::lock_guard lock(mutex_);
    if (!on_their_way_.contains(hash)) {
      index_.use({.hash = hash, .size = part->bytes(), .used_s = std::time(nullptr)});
    }
  }
  return part;
}

void CacheStore::remove_part(const EntryHash& hash) {
  if (on_their_way_.contains(hash)) {
    return;
  }
  const std::filesystem::path path = part_path(hash);
  const tapeio::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  // Another process holds a lock on what it is still writing.
  if (fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
    ::unlink(path.c_str());
  }
}

}  // namespace mixtape::recall
