// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/cache_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string>
#include <utility>

#include "engine/format/digest.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::recall {

namespace {

// Using an entry again within this time does not write its time of use again, seconds.
constexpr std::int64_t kUseResolution = 60;
// How many small entries are remembered as checked; forgetting them costs hashing them once more.
constexpr std::size_t kMaxTrusted = 100'000;
constexpr std::size_t kReadBuffer = 1 * MiB;

std::optional<EntryHash> hash_from_name(const std::string& name) {
  if (name.size() != 64 || name.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return std::nullopt;
  }
  const Bytes bytes = from_hex(name);
  EntryHash hash{};
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

// False also when the file cannot be read to its end.
bool file_has_hash(int fd, const std::string& path, const EntryHash& hash) {
  format::Hasher hasher;
  Bytes buffer(kReadBuffer);
  try {
    for (std::uint64_t at = 0;;) {
      const std::size_t size = tapeio::read_full_at(fd, buffer, at, path);
      if (size == 0) {
        return hasher.finish() == hash;
      }
      hasher.update(ByteView(buffer).first(size));
      at += size;
    }
  } catch (const Error&) {
    return false;
  }
}

struct UsedEntry {
  std::int64_t used_ns;
  CacheIndex::Entry entry;
};

void look_at(const std::filesystem::path& file, const EntryHash& hash,
             std::optional<std::uint64_t> size, std::vector<UsedEntry>& found) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) == 0) {
    found.push_back({status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec,
                     {.hash = hash,
                      .size = size.value_or(static_cast<std::uint64_t>(status.st_size)),
                      .used_s = status.st_mtim.tv_sec}});
  }
}

// The one that was not used for longest first; those that are not whole, too.
std::vector<UsedEntry> look_at_entries(const std::filesystem::path& directory) {
  std::vector<UsedEntry> found;
  std::error_code error;
  for (const auto& group : std::filesystem::directory_iterator(directory, error)) {
    if (group.path().filename().string().size() != 2) {
      continue;
    }
    std::error_code unreadable;
    for (const auto& entry : std::filesystem::directory_iterator(group.path(), unreadable)) {
      if (const auto hash = hash_from_name(entry.path().filename().string())) {
        look_at(entry.path(), *hash, std::nullopt, found);
      }
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(directory / "incoming", error)) {
    const auto hash = hash_from_name(entry.path().stem().string());
    const auto part = hash ? PartFile::look(entry.path()) : nullptr;
    if (part) {
      look_at(entry.path(), *hash, part->bytes(), found);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const UsedEntry& a, const UsedEntry& b) { return a.used_ns < b.used_ns; });
  return found;
}

}  // namespace

void touch(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) == 0 && status.st_mtim.tv_sec + kUseResolution < std::time(nullptr)) {
    const timespec times[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
    (void)::futimens(fd, times);  // An entry of another user keeps its time; it only ages sooner.
  }
}

CacheStore::CacheStore(std::filesystem::path directory, CacheLimits limits)
    : directory_(std::move(directory)),
      incoming_(directory_ / "incoming"),
      limits_(limits),
      pins_(directory_ / "pins") {
  std::error_code error;
  std::filesystem::create_directories(incoming_, error);
  if (error) {
    throw_errno("create " + incoming_.string(), error.value());
  }
  sweep_incoming();
}

void CacheStore::sweep_incoming() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(incoming_, error)) {
    // Another process holds a lock on what it is still writing.
    const tapeio::UniqueFd fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 &&
        !(hash_from_name(entry.path().stem().string()) && PartFile::look(entry.path()))) {
      (void)tapeio::remove_file(entry.path());
    }
  }
}

std::filesystem::path CacheStore::entry_path(const EntryHash& hash) const {
  const std::string name = to_hex(hash);
  return directory_ / name.substr(0, 2) / name;
}

std::filesystem::path CacheStore::make_entry_path(const EntryHash& hash) {
  std::filesystem::path path = entry_path(hash);
  if (::mkdir(path.parent_path().c_str(), 0700) != 0 && errno != EEXIST) {
    throw_errno("create " + path.parent_path().string());
  }
  return path;
}

std::filesystem::path CacheStore::incoming_name() {
  const std::lock_guard lock(mutex_);
  return incoming_ / (std::to_string(::getpid()) + "." + std::to_string(++names_));
}

std::optional<tapeio::UniqueFd> CacheStore::open(const EntryHash& hash, std::uint64_t size) {
  const std::filesystem::path path = entry_path(hash);
  tapeio::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  // A link or a socket is no entry, as are the directories that fstat finds.
  if (!fd.valid() && errno != ELOOP && errno != ENXIO) {
    // One that somebody else owns or the disk does not give back is not there: a medium has it.
    // Want of descriptors, above all, says nothing of the entry.
    if (errno == ENOENT || errno == EACCES || errno == EPERM || errno == EIO) {
      return std::nullopt;
    }
    throw_errno("open cache entry " + path.string());
  }
  struct stat status {};
  bool good = ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode) &&
              static_cast<std::uint64_t>(status.st_size) == size;
  if (good && size <= kHashedAtOpen) {
    bool known;
    {
      const std::lock_guard lock(mutex_);
      known = trusted_.contains(hash);
    }
    good = known || file_has_hash(fd.get(), path, hash);
  }
  if (!good) {
    drop(hash);
    return std::nullopt;
  }
  touch(fd.get());
  const std::lock_guard lock(mutex_);
  trust(hash);
  index_.use({.hash = hash, .size = size, .used_s = std::time(nullptr)});
  return fd;
}

bool CacheStore::has(const EntryHash& hash, std::uint64_t size) const {
  struct stat status {};
  return ::lstat(entry_path(hash).c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         static_cast<std::uint64_t>(status.st_size) == size;
}

bool CacheStore::verify(const EntryHash& hash) {
  const std::filesystem::path path = entry_path(hash);
  const tapeio::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid() && errno == ENOENT) {
    return true;  // Evicted meanwhile.
  }
  if (fd.valid() && file_has_hash(fd.get(), path, hash)) {
    return true;
  }
  drop(hash);
  return false;
}

void CacheStore::drop(const EntryHash& hash) {
  const std::lock_guard lock(mutex_);
  remove_entry(hash);
}

void CacheStore::remove_entry(const EntryHash& hash) {
  std::error_code ignored;  // What cannot be removed is found wrong again when it is opened.
  std::filesystem::remove_all(entry_path(hash), ignored);
  remove_part(hash);
  trusted_.erase(hash);
  index_.remove(hash);
}

void CacheStore::trust(const EntryHash& hash) {
  if (trusted_.size() >= kMaxTrusted) {
    trusted_.clear();
  }
  trusted_.insert(hash);
}

void CacheStore::added(const EntryHash& hash, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  trust(hash);
  if (size > kHashedAtOpen) {
    remove_part(hash);
  }
  index_.use({.hash = hash, .size = size, .used_s = std::time(nullptr)});
}

void CacheStore::pin(const EntryHash& hash, Pin why) {
  const std::lock_guard lock(mutex_);
  pins_.add(hash, why);
}

void CacheStore::unpin(const EntryHash& hash, Pin why) {
  const std::lock_guard lock(mutex_);
  pins_.remove(hash, why);
}

void CacheStore::sync_pins() {
  pins_.sync();
}

std::vector<EntryHash> CacheStore::pinned(Pin why) {
  const std::lock_guard lock(mutex_);
  std::vector<EntryHash> hashes;
  for (const auto& [hash, pinned] : pins_.now()) {
    if ((pinned & static_cast<std::uint8_t>(why)) != 0) {
      hashes.push_back(hash);
    }
  }
  return hashes;
}

void CacheStore::load_index() {
  std::call_once(loaded_, [this] {
    // Looked at without the mutex: whoever opens an entry meanwhile does not wait for the others.
    const std::vector<UsedEntry> on_disk = look_at_entries(directory_);
    const std::lock_guard lock(mutex_);
    CacheIndex all;
    for (const UsedEntry& each : on_disk) {
      if (!on_their_way_.contains(each.entry.hash)) {
        all.use(each.entry);
      }
    }
    for (const CacheIndex::Entry& entry : index_.all()) {
      all.use(entry);
    }
    index_ = std::move(all);
  });
}

bool CacheStore::evict_oldest() {
  const auto oldest = index_.oldest_outside(pins_.now());
  if (oldest) {
    remove_entry(oldest->hash);
  }
  return oldest.has_value();
}

void CacheStore::expire_locked() {
  const std::int64_t since_s =
      limits_.unused_for.count() == 0 ? 0 : std::time(nullptr) - limits_.unused_for.count();
  for (auto oldest = index_.oldest_outside(pins_.now()); oldest && oldest->used_s < since_s;
       oldest = index_.oldest_outside(pins_.now())) {
    remove_entry(oldest->hash);
  }
}

void CacheStore::expire() {
  load_index();
  const std::lock_guard lock(mutex_);
  expire_locked();
  while (index_.bytes() + reserved_ > limits_.bytes && evict_oldest()) {
  }
}

void CacheStore::reserve(std::uint64_t bytes) {
  load_index();
  const std::lock_guard lock(mutex_);
  expire_locked();
  // What cannot fit must not push everything else out first.
  const std::uint64_t fixed = index_.bytes_in(pins_.now()) + reserved_;
  if (fixed > limits_.bytes || bytes > limits_.bytes - fixed) {
    throw Error(ErrorCode::no_space, "make room for " + std::to_string(bytes) + " bytes in cache " +
                                         directory_.string() + ": its limit is " +
                                         std::to_string(limits_.bytes) + " bytes");
  }
  while (index_.bytes() + reserved_ + bytes > limits_.bytes && evict_oldest()) {
  }
  reserved_ += bytes;
}

void CacheStore::release(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  reserved_ -= bytes;
}

bool CacheStore::evict(std::uint64_t bytes) {
  load_index();
  const std::lock_guard lock(mutex_);
  const std::uint64_t before = index_.bytes();
  while (before - index_.bytes() < bytes && evict_oldest()) {
  }
  return index_.bytes() < before;
}

Cache::Usage CacheStore::usage() {
  load_index();
  const std::lock_guard lock(mutex_);
  expire_locked();
  return {.bytes = index_.bytes(),
          .entries = index_.entries(),
          .pinned_bytes = index_.bytes_in(pins_.now()),
          .limit_bytes = limits_.bytes};
}

std::vector<EntryHash> CacheStore::entries() {
  load_index();
  const std::lock_guard lock(mutex_);
  std::vector<EntryHash> hashes;
  for (const CacheIndex::Entry& entry : index_.all()) {
    hashes.push_back(entry.hash);
  }
  return hashes;
}

}  // namespace mixtape::recall
