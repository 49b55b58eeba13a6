// SPDX-License-Identifier: Apache-2.0
#include "fusefs/rows.h"

#include <sys/stat.h>

#include <algorithm>

#include "fusefs/names.h"
#include "tapeio/error.h"

namespace mixtape::fusefs {
namespace {

bool is_device(std::uint32_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode);
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
  MIXTAPE_ASSERT(name.size() <= kMaxName);
  // Rows that are in no order are told apart all the same.
  const std::uint64_t last = rows_.empty() ? kDots : rows_.back().place;
  rows_.push_back(
      {.node = node,
       .inode = attributes.inode,
       .place = std::max(last + 1, place_of(attributes.inode)),
       .size_or_device = is_device(attributes.mode) ? attributes.device : attributes.size,
       .mtime_ns = attributes.mtime_ns,
       .name_begin = names_.size(),
       .mode = attributes.mode,
       .nlink = attributes.nlink,
       .uid = attributes.uid,
       .gid = attributes.gid,
       .name_length = static_cast<std::uint8_t>(name.size()),
       .has_attributes = true});
  names_ += name;
}

void Rows::add(std::string_view name, NodeId node, std::uint64_t inode, std::uint32_t mode) {
  Attributes attributes;
  attributes.inode = inode;
  attributes.mode = mode;
  add(name, node, attributes);
  rows_.back().has_attributes = false;
}

std::size_t Rows::behind(std::uint64_t place) const {
  const auto row = std::upper_bound(
      rows_.begin(), rows_.end(), place,
      [](std::uint64_t sought, const Compact& compact) { return sought < compact.place; });
  return static_cast<std::size_t>(row - rows_.begin());
}

std::string_view Rows::name(std::size_t row) const {
  return std::string_view(names_).substr(rows_[row].name_begin, rows_[row].name_length);
}

Attributes Rows::attributes(std::size_t row) const {
  const Compact& from = rows_[row];
  Attributes attributes;
  attributes.inode = from.inode;
  attributes.mode = from.mode;
  attributes.nlink = from.nlink;
  attributes.uid = from.uid;
  attributes.gid = from.gid;
  if (is_device(from.mode)) {
    attributes.device = from.size_or_device;
  } else {
    attributes.size = from.size_or_device;
  }
  attributes.blocks = blocks_of(attributes.size);
  attributes.mtime_ns = attributes.ctime_ns = attributes.atime_ns = from.mtime_ns;
  return attributes;
}

}  // namespace mixtape::fusefs
