// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/cache.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "engine/recall/cache_store.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::recall {

namespace {

const EntryHash& hash_of(const Content& content) {
  if (!content.hash) {
    throw Error(ErrorCode::invalid,
                "name content " + std::to_string(content.number) + " in the cache: it has no hash");
  }
  return *content.hash;
}

// False when only a copy can come from there.
bool link_in(const std::filesystem::path& file, const std::filesystem::path& entry) {
  if (::link(file.c_str(), entry.c_str()) == 0) {
    return true;
  }
  if (errno != EXDEV && errno != EMLINK && errno != EPERM) {
    throw_errno("link " + file.string() + " to " + entry.string());
  }
  return false;
}

void copy_bytes(const std::filesystem::path& from, const std::filesystem::path& to) {
  const tapeio::UniqueFd in = tapeio::open_file(from, O_RDONLY | O_NOFOLLOW);
  const tapeio::UniqueFd out = tapeio::open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
  // Where the file system can, the copy costs nothing.
  if (::ioctl(out.get(), FICLONE, in.get()) != 0) {
    Bytes buffer(MiB);
    while (const std::size_t size = tapeio::read_full(in.get(), buffer, from)) {
      tapeio::write_full(out.get(), ByteView(buffer).first(size), to);
    }
  }
  tapeio::fsync_file(out.get(), to);
}

}  // namespace

struct Cache::Impl {
  Impl(std::filesystem::path directory, CacheLimits limits) : store(std::move(directory), limits) {}
  CacheStore store;
};

Cache::Cache(std::filesystem::path directory, CacheLimits limits)
    : impl_(std::make_unique<Impl>(std::move(directory), limits)) {}

Cache::~Cache() = default;

std::optional<tapeio::UniqueFd> Cache::open(const Content& content) {
  if (!content.hash) {
    return std::nullopt;
  }
  return impl_->store.open(*content.hash, content.size);
}

bool Cache::contains(const Content& content) {
  return open(content).has_value();
}

bool Cache::has(const Content& content) {
  return content.hash && impl_->store.has(*content.hash, content.size);
}

std::optional<std::filesystem::path> Cache::file(const Content& content) {
  if (!contains(content)) {
    return std::nullopt;
  }
  return impl_->store.make_entry_path(*content.hash);
}

bool Cache::read_part(const Content& content, std::uint64_t offset, MutableBytes into) {
  if (!content.hash || content.size <= kHashedAtOpen || offset > content.size ||
      into.size() > content.size - offset) {
    return false;
  }
  const std::shared_ptr<PartFile> part = impl_->store.part(*content.hash);
  const ByteRange wanted{offset, offset + into.size()};
  if (!part || part->size() != content.size || !part->has(wanted) ||
      (wanted.end == content.size && part->missing(0).size() == 0)) {
    return false;
  }
  try {
    return part->read(offset, into) == into.size();
  } catch (const Error&) {
    return false;  // The disk under the cache fails: a medium has it.
  }
}

std::unique_ptr<Cache::Incoming> Cache::begin(const Content& content) {
  return begin_incoming(impl_->store, content);
}

void Cache::adopt(const std::filesystem::path& file, const Content& content) {
  CacheStore& store = impl_->store;
  const EntryHash& hash = hash_of(content);
  store.pin(hash, Pin::copies);
  if (store.open(hash, content.size)) {
    return;
  }
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0) {
    throw_errno("adopt " + file.string());
  }
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != content.size) {
    throw Error(ErrorCode::corrupt, "adopt " + file.string() + ": not a file of the right size");
  }
  const std::filesystem::path entry = store.make_entry_path(hash);
  if (status.st_nlink > 1 || !link_in(file, entry)) {
    const std::filesystem::path copy = store.incoming_name();
    tapeio::remove_file(copy);
    copy_bytes(file, copy);
    tapeio::rename_file(copy, entry);
  }
  store.added(hash, content.size);
}

void Cache::pin(const Content& content, Pin why) {
  impl_->store.pin(hash_of(content), why);
}
void Cache::unpin(const Content& content, Pin why) {
  impl_->store.unpin(hash_of(content), why);
}
void Cache::sync_pins() {
  impl_->store.sync_pins();
}

std::vector<EntryHash> Cache::pinned(Pin why) {
  return impl_->store.pinned(why);
}

void Cache::drop(const Content& content) {
  if (content.hash) {
    impl_->store.drop(*content.hash);
  }
}

Cache::Usage Cache::usage() {
  return impl_->store.usage();
}

void Cache::expire() {
  impl_->store.expire();
}

void Cache::verify(const std::function<void(const std::string& name)>& dropped) {
  for (const EntryHash& hash : impl_->store.entries()) {
    if (!impl_->store.verify(hash)) {
      dropped(to_hex(hash));
    }
  }
}

}  // namespace mixtape::recall
