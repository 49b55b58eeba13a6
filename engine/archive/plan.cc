// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/plan.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "engine/format/age_stream.h"
#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

bool is_directory(const Item& item) {
  return S_ISDIR(item.metadata.mode);
}

// The component that begins at `start`, and whether it is the last one of a non-directory.
struct Component {
  std::string_view text;
  bool leaf;
};

Component component_at(const Item& item, std::size_t start) {
  const std::string_view path = item.path;
  const std::size_t slash = path.find('/', start);
  if (slash == std::string_view::npos) {
    return {path.substr(start), !is_directory(item)};
  }
  return {path.substr(start, slash - start), false};
}

bool is_above(std::string_view directory, std::string_view path) {
  return directory.empty() || (path.size() > directory.size() && path[directory.size()] == '/' &&
                               path.starts_with(directory));
}

format::MemberType member_type(const catalog::Metadata& metadata) {
  switch (metadata.mode & S_IFMT) {
    case S_IFDIR:
      return format::MemberType::directory;
    case S_IFLNK:
      return format::MemberType::symlink;
    case S_IFIFO:
      return format::MemberType::fifo;
    case S_IFCHR:
      return format::MemberType::character_device;
    case S_IFBLK:
      return format::MemberType::block_device;
    default:
      return format::MemberType::file;
  }
}

// The longest plaintext whose age file, padded to whole records, fits.
std::uint64_t longest_plaintext(const ArchiveLimits& limits) {
  for (std::uint64_t cipher = limits.room_bytes / limits.record_size * limits.record_size;
       cipher > limits.preamble_bytes; cipher -= limits.record_size) {
    // A last chunk of a tag alone does not exist: such a size is skipped, as padding skips it.
    if (const auto plain = format::plain_size(limits.preamble_bytes, cipher)) {
      return *plain;
    }
  }
  return 0;
}

class Planner {
 public:
  Planner(std::span<const Item> items, const ArchiveLimits& limits)
      : items_(items), limits_(limits), longest_(longest_plaintext(limits)) {}

  // False: the archive has its size; nothing further is to be added.
  bool consider(std::uint32_t index, Want want) {
    const Item& item = items_[index];
    while (!leading_.empty() && !is_above(items_[leading_.back().item].path, item.path)) {
      leading_.pop_back();
    }
    if (want == Want::yes && is_taken(item)) {
      plan_.more = true;
      return true;
    }
    if (want == Want::yes && !add(index)) {
      return false;
    }
    if (is_directory(item)) {
      const bool placed = !plan_.members.empty() && plan_.members.back().item == index;
      leading_.push_back({index, placed, !placed && stands_as_file(item.path)});
    }
    return true;
  }

  ArchivePlan finish() {
    if (plan_.data_members == 0) {
      plan_.members.clear();
      return std::move(plan_);
    }
    plan_.tar_bytes = offset_ + format::kTarEnd;
    plan_.plain_bytes =
        format::padded_plain_size(limits_.preamble_bytes, plan_.tar_bytes, limits_.record_size);
    return std::move(plan_);
  }

 private:
  struct Leading {
    std::uint32_t item;
    bool placed;
    bool taken;  // A file stands there.
  };

  // Another version of its path stands in this archive, or one of a directory above it that was no
  // directory.
  [[nodiscard]] bool is_taken(const Item& item) const {
    if (!plan_.members.empty() && items_[plan_.members.back().item].path == item.path) {
      return true;
    }
    return (is_directory(item) && stands_as_file(item.path)) ||
           std::ranges::any_of(leading_, &Leading::taken);
  }
  // Where a directory of this path would stand behind a file of it.
  [[nodiscard]] bool stands_as_file(const std::string& path) const {
    Item file;
    file.path = path;
    file.metadata.mode = S_IFREG;
    const auto found = std::ranges::lower_bound(
        plan_.members, file, archive_less,
        [this](const PlannedMember& member) -> const Item& { return items_[member.item]; });
    return found != plan_.members.end() && items_[found->item].path == path &&
           !is_directory(items_[found->item]);
  }

  PlannedMember measure(std::uint32_t index) const {
    const Item& item = items_[index];
    PlannedMember member{.item = index};
    const bool regular = S_ISREG(item.metadata.mode);
    const auto link = regular && item.metadata.nlink > 1 ? inodes_.find(item.inode) : inodes_.end();
    if (link != inodes_.end() && items_[link->second].content == item.content) {
      member.stored = Stored::hardlink;
      member.target_item = link->second;
    } else if (item.content) {
      const auto same = contents_.find(catalog::number(*item.content));
      member.stored = same == contents_.end() ? Stored::data : Stored::same_content;
      member.target_item = same == contents_.end() ? 0 : same->second;
    }
    const format::TarSize size =
        format::measure_member(tar_member(item, member.stored, &items_[member.target_item]));
    MIXTAPE_ASSERT(size.header <= std::numeric_limits<std::uint32_t>::max());
    member.header_size = static_cast<std::uint32_t>(size.header);
    member.stored_size = size.stored;
    return member;
  }

  bool add(std::uint32_t index) {
    const Item& item = items_[index];
    group_.clear();
    for (const Leading& directory : leading_) {
      if (!directory.placed) {
        group_.push_back(measure(directory.item));
      }
    }
    group_.push_back(measure(index));
    std::uint64_t end = offset_;
    for (PlannedMember& member : group_) {
      member.offset = end;
      end = member.end();
    }
    if (end + format::kTarEnd > longest_) {
      if (item.content) {
        plan_.too_big.push_back(index);
      }
      return true;
    }
    if (plan_.data_members > 0 && end > limits_.target_bytes) {
      plan_.more = true;
      return false;
    }
    place(end);
    return true;
  }

  void place(std::uint64_t end) {
    for (Leading& directory : leading_) {
      directory.placed = true;
    }
    plan_.members.insert(plan_.members.end(), group_.begin(), group_.end());
    offset_ = end;
    const PlannedMember& member = group_.back();
    const Item& item = items_[member.item];
    if (member.stored == Stored::data) {
      contents_.emplace(catalog::number(*item.content), member.item);
      plan_.data_bytes += item.size;
      ++plan_.data_members;
    }
    if (S_ISREG(item.metadata.mode) && item.metadata.nlink > 1 && item.inode != 0) {
      inodes_.emplace(item.inode, member.item);
    }
  }

  std::span<const Item> items_;
  const ArchiveLimits& limits_;
  const std::uint64_t longest_;
  ArchivePlan plan_;
  std::uint64_t offset_ = 0;
  std::vector<Leading> leading_;      // The directories above the item at hand, outermost first.
  std::vector<PlannedMember> group_;  // The item at hand behind the directories it still needs.
  std::unordered_map<std::int64_t, std::uint32_t> contents_;
  std::unordered_map<std::uint64_t, std::uint32_t> inodes_;
};

}  // namespace

Item make_item(std::string path, const catalog::Version& version) {
  Item item;
  item.path = std::move(path);
  item.metadata = version.metadata;
  item.content = version.content;
  item.size = version.size;
  item.hash = version.hash;
  item.inode = version.inode;
  return item;
}

bool archive_less(const Item& left, const Item& right) {
  const std::string_view a = left.path;
  const std::string_view b = right.path;
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const std::size_t common = static_cast<std::size_t>(in_a - a.begin());
  const std::size_t slash = common == 0 ? std::string_view::npos : a.rfind('/', common - 1);
  const std::size_t start = slash == std::string_view::npos ? 0 : slash + 1;
  if (a.empty() || b.empty()) {
    return a.size() < b.size();
  }
  const Component of_a = component_at(left, start);
  const Component of_b = component_at(right, start);
  if (of_a.leaf != of_b.leaf) {
    return of_a.leaf;
  }
  return of_a.text != of_b.text ? of_a.text < of_b.text : a.size() < b.size();
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::uint64_t assumed_warning_zone(std::optional<std::uint64_t> capacity_bytes) {
  return std::min(capacity_bytes.value_or(20 * GiB) / 20, GiB);
}

std::uint64_t archive_room(const MediumRoom& room) {
  if (!room.capacity_bytes) {
    return std::numeric_limits<std::int64_t>::max() / room.record_size * room.record_size;
  }
  // Filemarks behind the index, the archive and the closing index, and one that may go astray.
  const std::uint64_t behind =
      std::max(room.index_bytes + kSlack + 4 * kFilemarkCost, room.warning_zone_bytes);
  const std::uint64_t taken = room.used_bytes + room.index_bytes + behind;
  if (taken >= *room.capacity_bytes) {
    return 0;
  }
  return (*room.capacity_bytes - taken) / room.record_size * room.record_size;
}

ArchivePlan plan_archive(std::span<const Item> items, std::span<const Want> wants,
                         const ArchiveLimits& limits) {
  MIXTAPE_ASSERT(items.size() == wants.size());
  MIXTAPE_ASSERT(items.size() <= std::numeric_limits<std::uint32_t>::max());
  Planner planner(items, limits);
  for (std::uint32_t index = 0; index < items.size(); ++index) {
    if (wants[index] != Want::no && !planner.consider(index, wants[index])) {
      break;
    }
  }
  return planner.finish();
}

format::TarMember tar_member(const Item& item, Stored stored, const Item* target) {
  const catalog::Metadata& metadata = item.metadata;
  format::TarMember member;
  member.name = item.path;
  member.type = member_type(metadata);
  member.mode = metadata.mode & 07777;
  member.uid = metadata.uid;
  member.gid = metadata.gid;
  member.owner = metadata.owner;
  member.group = metadata.group;
  member.mtime_ns = metadata.mtime_ns;
  switch (stored) {
    case Stored::hardlink:
      member.type = format::MemberType::hardlink;
      member.link_target = target->path;
      return member;  // Everything else belongs to the inode, which the earlier member describes.
    case Stored::same_content:
      member.type = format::MemberType::hardlink;
      member.link_target = target->path;
      member.same_content = true;
      break;
    case Stored::data:
      member.size = item.size;
      member.sparse = item.extents;
      break;
    case Stored::nothing:
      break;
  }
  member.xattrs = metadata.xattrs;
  if (member.type == format::MemberType::symlink) {
    member.link_target = metadata.symlink_target;
  }
  if (S_ISCHR(metadata.mode) || S_ISBLK(metadata.mode)) {
    member.device_major = major(metadata.device);
    member.device_minor = minor(metadata.device);
  }
  return member;
}

std::vector<catalog::Copy> copies_of(const ArchivePlan& plan, std::span<const Item> items) {
  std::vector<catalog::Copy> copies;
  copies.reserve(plan.data_members);
  for (const PlannedMember& member : plan.members) {
    if (member.stored != Stored::data) {
      continue;
    }
    const Item& item = items[member.item];
    copies.push_back({.content = *item.content,
                      .bundle = {},
                      .member_offset = member.offset,
                      .data_offset = member.data_offset(),
                      .stored_size = member.stored_size,
                      .sparse = item.extents.has_value(),
                      .state = catalog::CopyState::good,
                      .verified_s = std::nullopt});
  }
  return copies;
}

}  // namespace mixtape::archive
