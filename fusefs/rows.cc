// SPDX-License-Identifier: Apache-2.0
#include "fusefs/rows.h"

#include <sys/stat.h>

#include <algorithm>

#include "fusefs/names.h"
#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

// A packed row: flags, how much of the name it shares with the one before, how much follows, that;
// then numbers of seven bits a byte: node, inode and mtime as differences, size or device, and
// mode, links, owner and group unless they are those of the one before.
constexpr std::uint8_t kLookedUp = 1;
constexpr std::uint8_t kSameOwner = 2;

constexpr std::size_t kPieceBytes = 256 * 1024;

bool is_device(std::uint32_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode);
}

// Device nodes have no size.
std::uint64_t size_or_device(const Row& row) {
  return is_device(row.mode) ? row.attributes.device : row.attributes.size;
}

bool same_owner(const Row& a, const Row& b) {
  return a.mode == b.mode && a.attributes.nlink == b.attributes.nlink &&
         a.attributes.uid == b.attributes.uid && a.attributes.gid == b.attributes.gid;
}

void put(std::vector<std::uint8_t>& to, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) {
    to.push_back(static_cast<std::uint8_t>(number | 0x80));
  }
  to.push_back(static_cast<std::uint8_t>(number));
}

// Small for small steps up and down.
std::uint64_t step(std::uint64_t from, std::uint64_t to) {
  const std::uint64_t difference = to - from;
  return (difference << 1) ^ (0 - (difference >> 63));
}
std::uint64_t stepped(std::uint64_t from, std::uint64_t step) {
  return from + ((step >> 1) ^ (0 - (step & 1)));
}

// Names of one file share its number: so many in one directory stay clear of the next number.
constexpr int kLinkBits = 7;
constexpr std::uint64_t kTopBit = std::uint64_t{1} << 63;

// Numbers of contents are far below 2^55, all others lie above 2^62; the top bit has no room in an
// offset.
std::uint64_t place_of(std::uint64_t inode) {
  const std::uint64_t number = inode & ~kTopBit;
  return number < (kTopBit >> (1 + kLinkBits)) ? number << kLinkBits : number;
}

}  // namespace

void Rows::add(std::string_view name, NodeId node, const Attributes& attributes) {
  pack({.name = std::string(name),
        .node = node,
        .inode = attributes.inode,
        .mode = attributes.mode,
        .looked_up = true,
        .attributes = attributes});
}

void Rows::add(std::string_view name, NodeId node, std::uint64_t inode, std::uint32_t mode) {
  pack({.name = std::string(name),
        .node = node,
        .inode = inode,
        .mode = mode,
        .looked_up = false,
        .attributes = {}});
}

void Rows::pack(const Row& row) {
  MIXTAPE_ASSERT(row.name.size() <= kMaxName && keys_.size() < kDirectory);
  if (keys_.size() % kRowsTogether == 0) {
    if (pieces_.empty() || pieces_.back().size() >= kPieceBytes) {
      pieces_.emplace_back();
    }
    starts_.push_back((std::uint64_t{pieces_.size() - 1} << 32) | pieces_.back().size());
    last_ = Row();
  }
  Packed& to = pieces_.back();
  const auto shared =
      static_cast<std::size_t>(std::ranges::mismatch(row.name, last_.name).in1 - row.name.begin());
  const bool same = same_owner(row, last_);
  to.push_back((row.looked_up ? kLookedUp : 0) | (same ? kSameOwner : 0));
  to.push_back(static_cast<std::uint8_t>(shared));
  to.push_back(static_cast<std::uint8_t>(row.name.size() - shared));
  to.insert(to.end(), row.name.begin() + static_cast<std::ptrdiff_t>(shared), row.name.end());
  put(to, step(static_cast<std::uint64_t>(last_.node), static_cast<std::uint64_t>(row.node)));
  put(to, step(last_.inode, row.inode));
  put(to, step(static_cast<std::uint64_t>(last_.attributes.mtime_ns),
               static_cast<std::uint64_t>(row.attributes.mtime_ns)));
  put(to, size_or_device(row));
  if (!same) {
    put(to, row.mode);
    put(to, row.attributes.nlink);
    put(to, row.attributes.uid);
    put(to, row.attributes.gid);
  }
  Key key{};
  // Rows that are in no order are told apart all the same.
  key.set_place(std::max((keys_.empty() ? kDots : keys_.back().place()) + 1, place_of(row.inode)));
  key.added = static_cast<std::uint32_t>(keys_.size()) |
              (row.looked_up && S_ISDIR(row.mode) ? kDirectory : 0);
  keys_.push_back(key);
  last_ = row;
}

void Rows::sort_by_inode() {
  Reader reader(*this);
  for (std::size_t row = 0; row < keys_.size(); ++row) {
    keys_[row].set_place(place_of(reader.at(row).inode));
  }
  std::ranges::sort(keys_, [](const Key& a, const Key& b) {
    return a.place() != b.place() ? a.place() < b.place() : a.number() < b.number();
  });
  std::uint64_t last = kDots;
  for (Key& key : keys_) {
    last = std::max(last + 1, key.place());
    key.set_place(last);
  }
}

std::size_t Rows::behind(std::uint64_t place) const {
  const auto row = std::ranges::upper_bound(keys_, place, {}, &Key::place);
  return static_cast<std::size_t>(row - keys_.begin());
}

Row Rows::at(std::size_t row) const {
  return Reader(*this).at(row);
}

const Row& Rows::Reader::at(std::size_t row) {
  const std::uint32_t number = rows_.keys_[row].number();
  const bool ahead = next_ != nullptr && number + 1 >= next_number_ &&
                     number / kRowsTogether == (next_number_ - 1) / kRowsTogether;
  if (!ahead) {
    begin(number / kRowsTogether);
  }
  while (next_number_ <= number) {
    unpack();
  }
  return row_;
}

void Rows::Reader::begin(std::uint32_t start) {
  const std::uint64_t at = rows_.starts_[start];
  next_ = rows_.pieces_[at >> 32].data() + static_cast<std::uint32_t>(at);
  next_number_ = start * kRowsTogether;
  row_ = Row();
}

std::uint64_t Rows::Reader::take() {
  std::uint64_t number = 0;
  for (int shift = 0;; shift += 7) {
    const std::uint8_t byte = *next_++;
    number |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) {
      return number;
    }
  }
}

void Rows::Reader::unpack() {
  const std::uint8_t flags = *next_++;
  const std::size_t shared = *next_++;
  const std::size_t rest = *next_++;
  row_.name.resize(shared);
  row_.name.append(reinterpret_cast<const char*>(next_), rest);
  next_ += rest;
  Attributes& attributes = row_.attributes;
  row_.looked_up = (flags & kLookedUp) != 0;
  row_.node = NodeId(stepped(static_cast<std::uint64_t>(row_.node), take()));
  row_.inode = attributes.inode = stepped(row_.inode, take());
  attributes.mtime_ns =
      static_cast<std::int64_t>(stepped(static_cast<std::uint64_t>(attributes.mtime_ns), take()));
  attributes.ctime_ns = attributes.atime_ns = attributes.mtime_ns;
  const std::uint64_t size_or_device = take();
  if ((flags & kSameOwner) == 0) {
    row_.mode = attributes.mode = static_cast<std::uint32_t>(take());
    attributes.nlink = static_cast<std::uint32_t>(take());
    attributes.uid = static_cast<std::uint32_t>(take());
    attributes.gid = static_cast<std::uint32_t>(take());
  }
  attributes.size = is_device(row_.mode) ? 0 : size_or_device;
  attributes.device = is_device(row_.mode) ? size_or_device : 0;
  attributes.blocks = blocks_of(attributes.size);
  ++next_number_;
}

}  // namespace mixtape::fusefs
