// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/scan_change.h"

#include <sys/stat.h>

#include <concepts>
#include <string_view>

#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

// The log never leaves this process: integers in a fixed order, strings behind their length.
class Packer {
 public:
  template <std::integral Integer>
  void put(Integer value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(std::uint64_t));
    store_big_endian(bytes_.data() + at, static_cast<std::uint64_t>(value));
  }
  void put(std::string_view text) {
    put(text.size());
    const ByteView bytes = as_bytes(text);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(ByteView bytes) : bytes_(bytes) {}

  template <std::integral Integer>
  void get(Integer& value) {
    MIXTAPE_ASSERT(bytes_.size() >= sizeof(std::uint64_t));
    value = static_cast<Integer>(load_big_endian<std::uint64_t>(bytes_.data()));
    bytes_ = bytes_.subspan(sizeof(std::uint64_t));
  }
  void get(std::string& text) {
    std::size_t size = 0;
    get(size);
    MIXTAPE_ASSERT(bytes_.size() >= size);
    text = as_text(bytes_.first(size));
    bytes_ = bytes_.subspan(size);
  }

 private:
  ByteView bytes_;
};

// One list of fields for both directions; `io` is put or get.
template <typename Metadata, typename Io>
void transfer_fields(Metadata& metadata, Io&& io) {
  io(metadata.mode);
  io(metadata.uid);
  io(metadata.gid);
  io(metadata.owner);
  io(metadata.group);
  io(metadata.mtime_ns);
  io(metadata.symlink_target);
  io(metadata.nlink);
  io(metadata.device);
}

template <typename ChangeType, typename Io>
void transfer_change(ChangeType& change, Io&& io) {
  io(change.path);
  io(change.root);
  io(change.stamp.device);
  io(change.stamp.inode);
  io(change.stamp.ctime_ns);
  io(change.stamp.readable);
  io(change.file.device);
  io(change.file.inode);
  io(change.file.size);
  io(change.file.mtime_ns);
  io(change.file.ctime_ns);
  io(change.group);
  transfer_fields(change.metadata, io);
}

// Stands for "no path number"; row numbers are never negative.
constexpr std::int64_t kUnknownPath = -1;

}  // namespace

bool Change::wants_content() const {
  return (kind == ChangeKind::fresh || kind == ChangeKind::content) && S_ISREG(metadata.mode) &&
         file.size > 0;
}

void append_change(SpillLog& log, const Change& change) {
  Packer packer;
  packer.put(static_cast<std::uint8_t>(change.kind));
  packer.put(change.known ? catalog::number(*change.known) : kUnknownPath);
  transfer_change(change, [&](const auto& field) { packer.put(field); });
  packer.put(change.metadata.xattrs.size());
  for (const auto& [name, value] : change.metadata.xattrs) {
    packer.put(name);
    packer.put(value);
  }
  log.append(packer.bytes());
}

bool ChangeReader::next(Change& change) {
  if (!reader_.next(record_)) {
    return false;
  }
  Unpacker unpacker(record_);
  std::uint8_t kind = 0;
  std::int64_t known = 0;
  std::size_t xattrs = 0;
  unpacker.get(kind);
  unpacker.get(known);
  change.kind = static_cast<ChangeKind>(kind);
  change.known = known == kUnknownPath ? std::nullopt : std::optional(catalog::PathId{known});
  transfer_change(change, [&](auto& field) { unpacker.get(field); });
  unpacker.get(xattrs);
  change.metadata.xattrs.resize(xattrs);
  for (auto& [name, value] : change.metadata.xattrs) {
    unpacker.get(name);
    unpacker.get(value);
  }
  return true;
}

}  // namespace mixtape::archive
