// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include "engine/format/digest.h"
#include "engine/recall/cache_part.h"
#include "engine/recall/cache_store.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::recall {

namespace {

constexpr std::size_t kZeros = 64 * KiB;

// A large content with a hash is kept as far as it came, under a name (cache_part.h). Any other is
// a file without a name, so that a crash leaves nothing behind; where the file system has no such
// files, one in incoming/ that is locked as long as it is written.
class IncomingFile final : public Cache::Incoming {
 public:
  IncomingFile(CacheStore& store, const Content& content) : store_(store), content_(content) {
    if (content.hash && content.size > kHashedAtOpen) {
      part_ = store_.take_part(*content.hash, content.size);
      is_kept_ = part_ != nullptr;
    }
    try {
      store_.reserve(content.size);
    } catch (const Error&) {
      leave();
      throw;
    }
    try {
      if (!part_) {
        create();
      }
    } catch (const Error&) {
      store_.release(content.size);
      throw;
    }
    at_ = part_->missing(0).begin;
  }
  IncomingFile(const IncomingFile&) = delete;
  IncomingFile& operator=(const IncomingFile&) = delete;
  ~IncomingFile() override {
    if (!name_.empty()) {
      ::unlink(name_.c_str());
    }
    leave();
    store_.release(content_.size);
  }

  [[nodiscard]] ByteRange missing(std::uint64_t from) const override {
    return part_->missing(from);
  }
  void seek(std::uint64_t offset) override { at_ = std::min(offset, content_.size); }

  void write(ByteView bytes) override {
    claim(bytes.size());
    try {
      part_->write(at_, bytes);
    } catch (const Error& error) {
      const std::uint64_t wanted = content_.size - part_->bytes();
      if (error.code() != ErrorCode::no_space || !store_.evict(wanted)) {
        discard();
        throw;
      }
      part_->write(at_, bytes);
    }
    passed(bytes.size(), [&] { hasher_.update(bytes); });
  }

  void write_zeros(std::uint64_t count) override {
    claim(count);
    part_->write_zeros(at_, count);
    passed(count, [&] { hash_zeros(count); });
  }

  EntryHash confirm() override {
    if (hash_) {
      return *hash_;
    }
    if (const ByteRange gap = missing(0); gap.size() > 0) {
      throw Error(ErrorCode::corrupt, "confirm " + label() + ": it ends at " +
                                          std::to_string(gap.begin) + " instead of " +
                                          std::to_string(content_.size) + " bytes");
    }
    hash_up_to(content_.size);
    hash_ = hasher_.finish();
    if (content_.hash && *hash_ != *content_.hash) {
      discard();
      throw Error(ErrorCode::corrupt, "confirm " + label() + ": its hash is " + to_hex(*hash_) +
                                          " instead of " + to_hex(*content_.hash));
    }
    return *hash_;
  }

  EntryHash commit() override {
    const EntryHash hash = confirm();
    try {
      part_->become_whole(content_.size > kHashedAtOpen);
      show(store_.make_entry_path(hash));
    } catch (const Error&) {
      discard();
      throw;
    }
    store_.added(hash, content_.size);
    return hash;
  }

  std::size_t read_back(std::uint64_t offset, MutableBytes into) override {
    const std::uint64_t there = part_->missing(offset).begin - std::min(offset, content_.size);
    return part_->read(offset, into.first(std::min<std::uint64_t>(into.size(), there)));
  }

  void discard() override {
    if (is_kept_) {
      is_kept_ = false;
      store_.leave_part(*content_.hash, 0);
    }
  }

 private:
  void create() {
    const std::string directory = store_.incoming_directory();
    tapeio::UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd.valid()) {
      if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL) {
        throw_errno("create a file in " + directory);
      }
      name_ = store_.incoming_name();
      fd = tapeio::open_file(name_, O_RDWR | O_CREAT | O_TRUNC, 0600);
      (void)::flock(fd.get(), LOCK_EX | LOCK_NB);
    }
    part_ = std::make_shared<PartFile>(std::move(fd), content_.size, label());
    part_->begin(false);
  }

  // Gives the file the name of an entry.
  void show(const std::filesystem::path& entry) {
    if (is_kept_) {
      tapeio::rename_file(store_.part_path(*content_.hash), entry);
      is_kept_ = false;
      store_.leave_part(*content_.hash, 0);
      return;
    }
    // linkat never replaces: over an old entry the file gets a name in incoming/ first.
    if (!name_.empty() || !link_as(entry)) {
      if (name_.empty()) {
        name_ = store_.incoming_name();
        (void)link_as(name_);
      }
      tapeio::rename_file(name_, entry);
      name_.clear();
    }
  }

  // Gives the file its name; false when the name is taken.
  bool link_as(const std::filesystem::path& name) {
    const std::string self = "/proc/self/fd/" + std::to_string(part_->fd());
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
    if (count > content_.size - at_) {
      throw Error(ErrorCode::corrupt, "write " + label() + ": longer than its " +
                                          std::to_string(content_.size) + " bytes");
    }
  }

  // So many bytes were put where at_ stands.
  template <typename Hash>
  void passed(std::uint64_t count, Hash hash) {
    if (at_ < hashed_) {  // What was hashed may be something else now.
      hasher_ = format::Hasher();
      hashed_ = 0;
    }
    if (at_ > hashed_ && part_->has({hashed_, at_})) {
      hash_up_to(at_);
    }
    if (at_ == hashed_) {
      hash();
      hashed_ += count;
    }
    at_ += count;
    unlisted_ += count;
    if (is_kept_ && std::chrono::steady_clock::now() - listed_ >= store_.limits().list_every) {
      list();
    }
  }

  void hash_zeros(std::uint64_t count) {
    static constexpr std::byte kZeroBytes[kZeros]{};
    for (std::uint64_t left = count; left > 0;) {
      const std::size_t size = std::min<std::uint64_t>(left, kZeros);
      hasher_.update(ByteView(kZeroBytes).first(size));
      left -= size;
    }
  }

  // What did not come in order is hashed from the file.
  void hash_up_to(std::uint64_t end) {
    Bytes buffer(hashed_ < end ? MiB : 0);
    while (hashed_ < end) {
      const std::size_t size = std::min<std::uint64_t>(buffer.size(), end - hashed_);
      if (part_->read(hashed_, MutableBytes(buffer).first(size)) != size) {
        throw Error(ErrorCode::io, "hash " + label() + ": its file ends early");
      }
      hasher_.update(ByteView(buffer).first(size));
      hashed_ += size;
    }
  }

  void list() {
    try {
      part_->list();
    } catch (const Error&) {
      discard();
      throw;
    }
    unlisted_ = 0;
    listed_ = std::chrono::steady_clock::now();
  }

  // Keeps what is there, unless it is an entry by now or nothing at all.
  void leave() noexcept {
    if (!is_kept_) {
      return;
    }
    try {
      if (unlisted_ > 0) {
        list();
        tapeio::fsync_file(part_->fd(), label());
      }
      store_.leave_part(*content_.hash, part_->bytes());
      is_kept_ = false;
    } catch (const Error& error) {
      spdlog::warn("recall: keep what there is of {}: {}", label(), error.what());
      discard();
    }
  }

  [[nodiscard]] std::string label() const {
    return "content " + std::to_string(content_.number) + " in the cache";
  }

  CacheStore& store_;
  const Content content_;
  std::shared_ptr<PartFile> part_;
  bool is_kept_ = false;        // part_ has its name in incoming/ for ever.
  std::filesystem::path name_;  // Of one that has not; empty while it has none at all.
  std::uint64_t at_ = 0;        // Where the next bytes go.
  format::Hasher hasher_;       // Of the first
  std::uint64_t hashed_ = 0;    // so many bytes.
  std::uint64_t unlisted_ = 0;  // Bytes since the table was written, and when that was.
  std::chrono::steady_clock::time_point listed_ = std::chrono::steady_clock::now();
  std::optional<EntryHash> hash_;
};

}  // namespace

std::unique_ptr<Cache::Incoming> begin_incoming(CacheStore& store, const Content& content) {
  return std::make_unique<IncomingFile>(store, content);
}

}  // namespace mixtape::recall
