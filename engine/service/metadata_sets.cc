// SPDX-License-Identifier: Apache-2.0
#include "engine/service/metadata_sets.h"

#include "tapeio/error.h"

namespace mixtape::service {

namespace {

constexpr std::size_t kMostSets = 4096;

bool is_special(const catalog::Metadata& metadata) {
  std::size_t bytes = metadata.owner.size() + metadata.group.size();
  for (const auto& xattr : metadata.xattrs) {
    bytes += sizeof xattr + xattr.first.size() + xattr.second.size();
  }
  return bytes > MetadataSets::kMostSetBytes || !metadata.symlink_target.empty();
}

bool same_but_for_time(const catalog::Metadata& a, const catalog::Metadata& b) {
  return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.nlink == b.nlink &&
         a.device == b.device && a.owner == b.owner && a.group == b.group && a.xattrs == b.xattrs;
}

// One text for each set.
std::string key_of(const catalog::Metadata& metadata) {
  std::string key;
  for (const std::uint64_t number :
       {std::uint64_t{metadata.mode}, std::uint64_t{metadata.uid}, std::uint64_t{metadata.gid},
        std::uint64_t{metadata.nlink}, metadata.device}) {
    key += std::to_string(number) + ' ';
  }
  const auto add = [&](const std::string& text) {
    key += std::to_string(text.size()) + ' ' + text;
  };
  add(metadata.owner);
  add(metadata.group);
  for (const auto& [name, value] : metadata.xattrs) {
    add(name);
    add(value);
  }
  return key;
}

}  // namespace

std::uint32_t MetadataSets::keep(const catalog::Metadata& metadata) {
  if (is_special(metadata)) {
    return kNotKept;
  }
  // Files of one directory have one owner.
  if (last_ != kNotKept && same_but_for_time(sets_[last_], metadata)) {
    return last_;
  }
  std::string key = key_of(metadata);
  const auto known = numbers_.find(key);
  if (known != numbers_.end()) {
    return last_ = known->second;
  }
  if (sets_.size() == kMostSets) {
    return kNotKept;
  }
  last_ = static_cast<std::uint32_t>(sets_.size());
  sets_.push_back(metadata);
  numbers_.emplace(std::move(key), last_);
  return last_;
}

catalog::Metadata MetadataSets::get(std::uint32_t set, std::int64_t mtime_ns) const {
  MIXTAPE_ASSERT(set < sets_.size());
  catalog::Metadata metadata = sets_[set];
  metadata.mtime_ns = mtime_ns;
  return metadata;
}

}  // namespace mixtape::service
