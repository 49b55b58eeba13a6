// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "engine/format/digest.h"
#include "engine/recall/cache_store.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::recall {

namespace {

constexpr std::size_t kZeros = 64 * KiB;

// A file without a name, so that a crash leaves nothing behind; where the file system has no such
// files, one in incoming/ that is locked as long as it is written.
class IncomingFile final : public Cache::Incoming {
 public:
  IncomingFile(CacheStore& store, const Content& content) : store_(store), content_(content) {
    store_.reserve(content.size);
    try {
      create();
    } catch (const Error&) {
      store_.release(content.size);
      throw;
    }
  }
  IncomingFile(const IncomingFile&) = delete;
  IncomingFile& operator=(const IncomingFile&) = delete;
  ~IncomingFile() override {
    if (!name_.empty()) {
      ::unlink(name_.c_str());
    }
    store_.release(content_.size);
  }

  void write(ByteView bytes) override {
    claim(bytes.size());
    try {
      tapeio::write_full_at(fd_.get(), bytes, size_, label());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::no_space || !store_.evict(content_.size - size_)) {
        throw;
      }
      tapeio::write_full_at(fd_.get(), bytes, size_, label());
    }
    hasher_.update(bytes);
    size_ += bytes.size();
  }

  void write_zeros(std::uint64_t count) override {
    claim(count);
    static constexpr std::byte kZeroBytes[kZeros]{};
    for (std::uint64_t left = count; left > 0;) {
      const std::size_t size = std::min<std::uint64_t>(left, kZeros);
      hasher_.update(ByteView(kZeroBytes).first(size));
      left -= size;
    }
    size_ += count;
    if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
      throw_errno("extend " + label());
    }
  }

  EntryHash confirm() override {
    if (hash_) {
      return *hash_;
    }
    if (size_ != content_.size) {
      throw Error(ErrorCode::corrupt, "confirm " + label() + ": " + std::to_string(size_) +
                                          " bytes instead of " + std::to_string(content_.size));
    }
    hash_ = hasher_.finish();
    if (content_.hash && *hash_ != *content_.hash) {
      throw Error(ErrorCode::corrupt, "confirm " + label() + ": its hash is " + to_hex(*hash_) +
                                          " instead of " + to_hex(*content_.hash));
    }
    return *hash_;
  }

  EntryHash commit() override {
    const EntryHash hash = confirm();
    if (size_ > kHashedAtOpen) {
      tapeio::fsync_file(fd_.get(), label());
    }
    const std::filesystem::path entry = store_.make_entry_path(hash);
    // linkat never replaces: over an old entry the file gets a name in incoming/ first.
    if (!name_.empty() || !link_as(entry)) {
      if (name_.empty()) {
        name_ = store_.incoming_name();
        (void)link_as(name_);
      }
      tapeio::rename_file(name_, entry);
      name_.clear();
    }
    store_.added(hash, size_);
    return hash;
  }

  std::size_t read_back(std::uint64_t offset, MutableBytes into) override {
    return tapeio::read_full_at(fd_.get(), into, offset, label());
  }

 private:
  void create() {
    const std::string directory = store_.incoming_directory();
    fd_.reset(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd_.valid()) {
      return;
    }
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL) {
      throw_errno("create a file in " + directory);
    }
    name_ = store_.incoming_name();
    fd_ = tapeio::open_file(name_, O_RDWR | O_CREAT | O_TRUNC, 0600);
    (void)::flock(fd_.get(), LOCK_EX | LOCK_NB);
  }

  // Gives the file its name; false when the name is taken.
  bool link_as(const std::filesystem::path& name) {
    const std::string self = "/proc/self/fd/" + std::to_string(fd_.get());
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      return true;
    }
    if (errno != EEXIST) {
      throw_errno("link " + name.string());
    }
    return false;
  }

  void claim(std::uint64_t count) {
    MIXTAPE_ASSERT(!hash_);
    if (count > content_.size - size_) {
      throw Error(ErrorCode::corrupt, "write " + label() + ": longer than its " +
                                          std::to_string(content_.size) + " bytes");
    }
  }

  [[nodiscard]] std::string label() const {
    return "content " + std::to_string(content_.number) + " in the cache";
  }

  CacheStore& store_;
  const Content content_;
  tapeio::UniqueFd fd_;
  std::filesystem::path name_;  // Empty while the file has none.
  format::Hasher hasher_;
  std::uint64_t size_ = 0;
  std::optional<EntryHash> hash_;
};

}  // namespace

std::unique_ptr<Cache::Incoming> begin_incoming(CacheStore& store, const Content& content) {
  return std::make_unique<IncomingFile>(store, content);
}

}  // namespace mixtape::recall
