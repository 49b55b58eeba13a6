// SPDX-License-Identifier: Apache-2.0
#include "engine/service/scan_archive.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "engine/format/digest.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

using format::MemberType;

constexpr std::size_t kReadBuffer = 1 * MiB;
// Lines about one archive; the rest is only counted.
constexpr std::uint64_t kMostTold = 1000;
// What names a file system and the catalog can hold.
constexpr std::size_t kLongestName = 255, kLongestPath = 4096;
// Far beyond every medium, holes included.
constexpr std::uint64_t kLargestFile = 64 * 1024 * GiB;
// Of all members of an archive together.
constexpr std::uint64_t kMostHoles = 16 * 1024 * GiB;

bool is_of_archive(const Error& error) {
  return is_damage(error.code()) || error.code() == ErrorCode::unsupported ||
         error.code() == ErrorCode::invalid;
}

std::uint32_t type_bits(MemberType type) {
  switch (type) {
    case MemberType::file:
    case MemberType::hardlink:
      return S_IFREG;
    case MemberType::symlink:
      return S_IFLNK;
    case MemberType::directory:
      return S_IFDIR;
    case MemberType::fifo:
      return S_IFIFO;
    case MemberType::character_device:
      return S_IFCHR;
    case MemberType::block_device:
      return S_IFBLK;
  }
  return 0;
}

catalog::Metadata metadata_of(const format::TarMember& member) {
  catalog::Metadata metadata;
  metadata.mode = type_bits(member.type) | member.mode;
  metadata.uid = member.uid;
  metadata.gid = member.gid;
  metadata.owner = member.owner;
  metadata.group = member.group;
  metadata.mtime_ns = member.mtime_ns;
  metadata.xattrs = member.xattrs;
  std::sort(metadata.xattrs.begin(), metadata.xattrs.end());
  if (member.type == MemberType::symlink) {
    metadata.symlink_target = member.link_target;
  }
  if (member.type == MemberType::character_device || member.type == MemberType::block_device) {
    metadata.device = makedev(member.device_major, member.device_minor);
  }
  return metadata;
}

// The archive's own root is "."; the catalog's is "".
std::string path_of(const std::string& name) {
  return name == "." ? "" : name;
}

bool is_possible_path(const std::string& path) {
  if (path.size() > kLongestPath || path.find('\0') != std::string::npos) {
    return false;
  }
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end - begin > kLongestName) {
      return false;
    }
    begin = end + 1;
  }
  return true;
}

bool is_possible(const format::TarMember& member) {
  return is_possible_path(path_of(member.name)) && member.size <= kLargestFile &&
         member.link_target.size() <= kLongestPath &&
         std::ranges::all_of(member.xattrs, [](const auto& attribute) {
           return attribute.first.size() <= kLongestName;
         });
}

// Whether a member may stand behind another: a directory's files before its subdirectories, both in
// byte order (tape-format.md, section 6).
bool may_follow(std::string_view before, bool before_is_directory, std::string_view path,
                bool is_directory) {
  while (!before.empty()) {
    const std::size_t end = before.find('/'), own_end = path.find('/');
    const std::string_view part = before.substr(0, end), own_part = path.substr(0, own_end);
    const bool deeper = end != std::string_view::npos,
               own_deeper = own_end != std::string_view::npos;
    if (part != own_part || !deeper || !own_deeper) {
      const bool in_directory = deeper || before_is_directory;
      const bool own_in_directory = own_deeper || is_directory;
      return in_directory != own_in_directory ? own_in_directory
             : part != own_part               ? part < own_part
                                              : own_deeper;
    }
    before.remove_prefix(end + 1);
    path.remove_prefix(own_end + 1);
  }
  return true;
}

}  // namespace

struct ArchiveScan::Blocks final : ByteSource {
  Blocks(Bytes first, ByteSource& behind) : start(std::move(first)), rest(behind) {}
  std::size_t read(MutableBytes into) override {
    if (used == start.size()) {
      return rest.read(into);
    }
    const std::size_t size = std::min(into.size(), start.size() - used);
    std::copy_n(start.begin() + static_cast<std::ptrdiff_t>(used), size, into.begin());
    used += size;
    return size;
  }

  const Bytes start;
  std::size_t used = 0;
  ByteSource& rest;
};

ArchiveScan::ArchiveScan(ArchivePass& pass, catalog::ScannedMedium& into, Reporter& reporter,
                         std::string name)
    : pass_(pass), into_(into), reporter_(reporter), name_(std::move(name)), buffer_(kReadBuffer) {}

void ArchiveScan::tell(const std::string& line) {
  if (told_ < kMostTold) {
    reporter_.problem(name_ + ": " + line);
  } else if (told_ == kMostTold) {
    reporter_.problem(name_ + ": more of it is damaged; the rest is counted and not named");
  }
  ++told_;
}

void ArchiveScan::tell_damaged(const std::string& name, const std::string& why) {
  ++result_.damaged;
  if (result_.names.size() < catalog::ScanLoss::kMostNames) {
    result_.names.push_back(name);
  }
  tell(name + " is left out: " + why);
}

ScannedArchive ArchiveScan::run(Bytes start) {
  while (!walk(std::move(start))) {
    start.clear();
    if (under_way_) {
      const std::uint64_t next = std::exchange(under_way_, std::nullopt)->next;
      pass_.skip_to(next);
      if (pass_.position() == next) {
        continue;
      }
    }
    const std::uint64_t lost_from = pass_.position();
    start = search();
    if (start.empty() && result_.members + result_.damaged == 0) {
      break;
    }
    ++result_.gaps;
    tell("what stood before byte " + std::to_string(lost_from) +
         " is damaged; nobody can tell which names are missing up to " +
         (start.empty() ? "its end" : "byte " + std::to_string(pass_.position() - start.size())));
    if (start.empty()) {
      break;
    }
  }
  return result_;
}

// Whether the archive was read to its end; otherwise the head of the pass is behind what is
// damaged.
bool ArchiveScan::walk(Bytes start) {
  const std::uint64_t begin = pass_.position() - start.size();
  Blocks source(std::move(start), pass_);
  format::TarReader tar(source);
  try {
    while (const auto found = tar.next()) {
      if (reporter_.stop().stop_requested()) {
        throw Error(ErrorCode::cancelled, name_ + ": stopped");
      }
      take(tar, *found, begin);
    }
    return true;
  } catch (const Error& error) {
    if (!is_of_archive(error)) {
      throw;
    }
    if (under_way_) {
      tell_damaged(under_way_->name, error.what());
    }
    return false;
  }
}

Bytes ArchiveScan::search() {
  Bytes block(format::kTarBlock);
  // Damage ends with a chunk, and chunks are whole blocks; a tar that is none may end anywhere.
  pass_.skip_to(round_up(pass_.position(), format::kTarBlock));
  for (std::size_t got = 0;;) {
    try {
      const std::size_t more = pass_.read(MutableBytes(block).subspan(got));
      if (more == 0) {
        return {};
      }
      got += more;
    } catch (const Error& error) {
      if (!is_damage(error.code())) {
        throw;
      }
      got = 0;
    }
    if (got == block.size()) {
      if (format::begins_member(block) || follows(block)) {
        return block;
      }
      got = 0;
    }
  }
}

// A file may be an archive itself, whose members stand there likewise: most are in no order with
// what was read before.
bool ArchiveScan::follows(ByteView block) const {
  const auto member = format::plain_member(block);
  return member && may_follow(last_, last_is_directory_, path_of(member->name),
                              member->type == MemberType::directory);
}

void ArchiveScan::take(format::TarReader& tar, const format::TarReader::Found& found,
                       std::uint64_t begin) {
  const format::TarMember& member = found.member;
  const std::string path = path_of(member.name);
  last_ = path;
  last_is_directory_ = member.type == MemberType::directory;
  if (!is_possible(member)) {
    tell_damaged(member.name.substr(0, kLongestName),
                 "no file system has such a name, size, target or attribute");
    return;
  }
  const catalog::Metadata metadata = metadata_of(member);
  if (path.empty() && member.type != MemberType::directory) {
    tell_damaged(".", "the root is a directory and nothing else");
    return;
  }
  if (member.type == MemberType::hardlink) {
    const std::string target = path_of(member.link_target);
    const bool added = is_possible_path(target) &&
                       (member.same_content ? into_.add_same_content(path, metadata, target)
                                            : into_.add_link(path, metadata, target));
    if (!added) {
      tell_damaged(path, target == path
                             ? "it is said to be a hard link to itself"
                             : "its bytes are those of " + target + ", which is not here");
      return;
    }
  } else if (member.type == MemberType::file && member.size > 0) {
    if (!has_room_for_holes(member)) {
      return;
    }
    into_.add(path, metadata, read(tar, found, begin));
  } else {
    into_.add(path, metadata, std::nullopt);
  }
  ++result_.members;
}

bool ArchiveScan::has_room_for_holes(const format::TarMember& member) {
  if (!member.sparse) {
    return true;
  }
  std::uint64_t holes = member.size;
  for (const format::SparseExtent& extent : *member.sparse) {
    holes -= std::min(holes, extent.size);
  }
  if (holes > kMostHoles - hole_bytes_) {
    tell_damaged(path_of(member.name),
                 "with it the holes of the archive would be more than " +
                     std::to_string(kMostHoles / GiB) +
                     " GiB, all of whose zeros would be hashed; age and tar take it out");
    return false;
  }
  hole_bytes_ += holes;
  return true;
}

std::optional<catalog::ScannedMedium::Content> ArchiveScan::read(
    format::TarReader& tar, const format::TarReader::Found& found, std::uint64_t begin) {
  catalog::ScannedMedium::Content content;
  content.size = found.member.size;
  content.member_offset = begin + found.offset;
  content.data_offset = begin + found.data_offset;
  content.stored_size = found.stored_size;
  content.sparse = found.member.sparse.has_value();
  under_way_ = UnderWay{path_of(found.member.name),
                        content.data_offset + round_up(found.stored_size, format::kTarBlock)};
  format::Hasher hasher;
  while (const std::size_t size = tar.read(buffer_)) {
    hasher.update(ByteView(buffer_).first(size));
    if (reporter_.stop().stop_requested()) {
      throw Error(ErrorCode::cancelled, name_ + ": stopped");
    }
  }
  content.hash = hasher.finish();
  under_way_.reset();
  return content;
}

}  // namespace mixtape::service
