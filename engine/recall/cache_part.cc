// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/cache_part.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/format/digest.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::recall {

namespace {

constexpr std::string_view kMagic = "MXPART1\n";
constexpr std::size_t kHead = 32;
constexpr std::size_t kRange = 16;
constexpr std::size_t kDigest = 32;
constexpr std::uint64_t kTableAlign = 4 * KiB;
constexpr std::uint64_t kTableSize = 64 * KiB;
static_assert(kHead + PresentRanges::kMost * kRange + kDigest <= kTableSize);

struct Table {
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  PresentRanges present;
};

std::uint64_t table_place(std::uint64_t size, std::uint64_t sequence) {
  return round_up(size, kTableAlign) + sequence % 2 * kTableSize;
}

Bytes encode(const Table& table) {
  Bytes bytes(kHead + table.present.ranges().size() * kRange);
  std::copy_n(as_bytes(kMagic).begin(), kMagic.size(), bytes.begin());
  store_big_endian(&bytes[8], table.size);
  store_big_endian(&bytes[16], table.sequence);
  store_big_endian(&bytes[24], std::uint64_t{table.present.ranges().size()});
  std::size_t at = kHead;
  for (const auto& [begin, end] : table.present.ranges()) {
    store_big_endian(&bytes[at], begin);
    store_big_endian(&bytes[at + 8], end);
    at += kRange;
  }
  const format::Digest digest = format::digest_of(bytes);
  bytes.insert(bytes.end(), digest.begin(), digest.end());
  return bytes;
}

// nullopt: no table, or not all of one.
std::optional<Table> decode(ByteView bytes) {
  if (bytes.size() < kHead + kDigest || as_text(bytes.first(kMagic.size())) != kMagic) {
    return std::nullopt;
  }
  Table table{.sequence = load_big_endian<std::uint64_t>(&bytes[16]),
              .size = load_big_endian<std::uint64_t>(&bytes[8]),
              .present = {}};
  const auto count = load_big_endian<std::uint64_t>(&bytes[24]);
  if (count > PresentRanges::kMost || kHead + count * kRange + kDigest > bytes.size()) {
    return std::nullopt;
  }
  const std::size_t used = kHead + static_cast<std::size_t>(count) * kRange;
  const format::Digest digest = format::digest_of(bytes.first(used));
  if (!std::equal(digest.begin(), digest.end(),
                  bytes.begin() + static_cast<std::ptrdiff_t>(used))) {
    return std::nullopt;
  }
  for (std::size_t at = kHead; at < used; at += kRange) {
    const ByteRange range{load_big_endian<std::uint64_t>(&bytes[at]),
                          load_big_endian<std::uint64_t>(&bytes[at + 8])};
    if (range.begin >= range.end || range.end > table.size) {
      return std::nullopt;
    }
    table.present.add(range);
  }
  return table;
}

std::optional<Table> read_table(int fd, const std::string& label) {
  struct stat status {};
  const std::uint64_t tables = 2 * kTableSize;
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<std::uint64_t>(status.st_size) < tables) {
    return std::nullopt;
  }
  const std::uint64_t content_end = static_cast<std::uint64_t>(status.st_size) - tables;
  std::optional<Table> newest;
  for (const std::uint64_t place : {content_end, content_end + kTableSize}) {
    Bytes bytes(kTableSize);
    bytes.resize(tapeio::read_full_at(fd, bytes, place, label));
    auto table = decode(bytes);
    if (table && table->size <= content_end && content_end - table->size < kTableAlign &&
        (!newest || table->sequence > newest->sequence)) {
      newest = std::move(table);
    }
  }
  return newest;
}

// What was written but never listed goes: a hole must read as zeros. False where that cannot be
// done.
bool empty_between(int fd, const PresentRanges& present, std::uint64_t size) {
  for (ByteRange gap = present.missing(0, size); gap.size() > 0;
       gap = present.missing(gap.end, size)) {
    if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(gap.begin),
                    static_cast<off_t>(gap.size())) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

PartFile::PartFile(tapeio::UniqueFd fd, std::uint64_t size, std::string label)
    : fd_(std::move(fd)), size_(size), label_(std::move(label)) {}

std::shared_ptr<PartFile> PartFile::look(const std::filesystem::path& file) {
  tapeio::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  auto table = fd.valid() ? read_table(fd.get(), file.string()) : std::nullopt;
  if (!table || table->present.ranges().empty()) {
    return nullptr;
  }
  auto part = std::make_shared<PartFile>(std::move(fd), table->size, file.string());
  part->present_ = std::move(table->present);
  return part;
}

void PartFile::begin(bool keeps) {
  if (keeps) {
    auto table = read_table(fd_.get(), label_);
    if (table && table->size == size_ && empty_between(fd_.get(), table->present, size_)) {
      const std::lock_guard lock(mutex_);
      present_ = std::move(table->present);
      sequence_ = table->sequence;
      return;
    }
    if (::ftruncate(fd_.get(), 0) != 0) {
      throw_errno("empty " + label_);
    }
  }
  const std::uint64_t length = keeps ? table_place(size_, 0) + 2 * kTableSize : size_;
  if (length < size_ || ::ftruncate(fd_.get(), static_cast<off_t>(length)) != 0) {
    throw_errno("extend " + label_);
  }
}

void PartFile::write(std::uint64_t offset, ByteView bytes) {
  tapeio::write_full_at(fd_.get(), bytes, offset, label_);
  const std::lock_guard lock(mutex_);
  present_.add({offset, offset + bytes.size()});
}

void PartFile::write_zeros(std::uint64_t offset, std::uint64_t count) {
  static constexpr std::byte kZeros[64 * KiB]{};
  const ByteRange hole = missing(offset);
  if (hole.begin != offset || hole.end < offset + count) {
    for (std::uint64_t done = 0; done < count;) {
      const ByteView piece =
          ByteView(kZeros).first(std::min<std::uint64_t>(count - done, sizeof kZeros));
      write(offset + done, piece);
      done += piece.size();
    }
    return;
  }
  const std::lock_guard lock(mutex_);
  present_.add({offset, offset + count});
}

void PartFile::list() {
  Table table{.sequence = sequence_ + 1, .size = size_, .present = {}};
  {
    const std::lock_guard lock(mutex_);
    table.present = present_;
  }
  if (::fdatasync(fd_.get()) != 0) {
    throw_errno("sync " + label_);
  }
  tapeio::write_full_at(fd_.get(), encode(table), table_place(size_, table.sequence), label_);
  sequence_ = table.sequence;
}

void PartFile::become_whole(bool durably) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
    throw_errno("cut " + label_);
  }
  if (durably) {
    tapeio::fsync_file(fd_.get(), label_);
  }
}

std::size_t PartFile::read(std::uint64_t offset, MutableBytes into) const {
  return tapeio::read_full_at(fd_.get(), into, offset, label_);
}

bool PartFile::has(ByteRange range) const {
  const std::lock_guard lock(mutex_);
  return range.end <= size_ && present_.has(range);
}

ByteRange PartFile::missing(std::uint64_t from) const {
  const std::lock_guard lock(mutex_);
  return present_.missing(from, size_);
}

std::uint64_t PartFile::bytes() const {
  const std::lock_guard lock(mutex_);
  return present_.bytes();
}

}  // namespace mixtape::recall
