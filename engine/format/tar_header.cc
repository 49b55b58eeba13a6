// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/format/tar_fields.h"
#include "engine/format/tar_pax.h"
#include "tapeio/error.h"

namespace mixtape::format {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// The member that holds the pax records; only readers that know nothing of pax ever see the name.
constexpr std::string_view kPaxMemberName = "PaxHeaders/mixtape";
// Where such readers put the map and data of a sparse file; GNU tar uses the same directory.
constexpr std::string_view kSparseDirectory = "GNUSparseFile.0/";

constexpr std::size_t kNameField = sizeof(UstarHeader::name);
constexpr std::size_t kPrefixField = sizeof(UstarHeader::prefix);

[[noreturn]] void refuse(const TarMember& member, const std::string& why) {
  throw Error(ErrorCode::invalid, "write tar member \"" + member.name + "\": " + why);
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

void check_links(const TarMember& member) {
  const bool is_link = member.type == MemberType::hardlink || member.type == MemberType::symlink;
  if (is_link ? member.link_target.empty() || has_nul(member.link_target)
              : !member.link_target.empty()) {
    refuse(member, "links have a target and nothing else has");
  }
  if (member.type == MemberType::hardlink && !is_plain_relative(member.link_target)) {
    refuse(member, "a hardlink points to the name of an earlier member");
  }
  if (member.same_content && member.type != MemberType::hardlink) {
    refuse(member, "only a hardlink can stand for the same content");
  }
}

void check(const TarMember& member) {
  if (!is_plain_relative(member.name)) {
    refuse(member, "names are relative, without empty, \".\" or \"..\" components");
  }
  if ((member.mode & ~07777U) != 0) {
    refuse(member, "mode has more than permission bits");
  }
  if (has_nul(member.owner) || has_nul(member.group)) {
    refuse(member, "owner or group contains a NUL");
  }
  if (member.type != MemberType::file && (member.size != 0 || member.sparse)) {
    refuse(member, "only files have data");
  }
  if (member.size > std::numeric_limits<std::int64_t>::max()) {
    refuse(member, "size is beyond 2^63");
  }
  check_links(member);
  if (member.xattrs.size() > kMaxXattrs) {
    refuse(member, "more than " + std::to_string(kMaxXattrs) + " extended attributes");
  }
  for (const auto& [name, value] : member.xattrs) {
    if (name.empty() || has_nul(name)) {
      refuse(member, "an extended attribute has no name");
    }
  }
}

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char byte) { return static_cast<unsigned char>(byte) >= 0x80; });
}

// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || length > text.size() - i) {
      return false;
    }
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) {
        return false;
      }
    }
    const auto second = length > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
      return false;
    }
    i += length;
  }
  return true;
}

// A name over the two ustar fields. `prefix` is what stands before the slash at which it is cut.
struct SplitName {
  std::string_view prefix, name;
};

std::optional<SplitName> split_name(std::string_view name) {
  if (name.size() <= kNameField) {
    return SplitName{{}, name};
  }
  if (name.size() > kPrefixField + 1 + kNameField) {
    return std::nullopt;
  }
  // The leftmost slash that leaves no more than fits; something must follow it.
  const std::size_t slash = name.find('/', name.size() - kNameField - 1);
  if (slash == std::string_view::npos || slash > kPrefixField || slash + 1 == name.size()) {
    return std::nullopt;
  }
  return SplitName{name.substr(0, slash), name.substr(slash + 1)};
}

// The name as it goes into the ustar header: a directory's with a slash, a sparse file's moved
// aside.
std::string ustar_name(const TarMember& member) {
  if (member.type == MemberType::directory) {
    return member.name + "/";
  }
  if (member.sparse) {
    const std::size_t slash = member.name.rfind('/') + 1;  // npos + 1 is 0.
    return member.name.substr(0, slash).append(kSparseDirectory).append(member.name, slash);
  }
  return member.name;
}

// A member with everything that both measuring and writing need.
struct Plan {
  const TarMember& member;
  std::string name;
  std::optional<SplitName> split;
  std::uint64_t map = 0;     // Bytes of the sparse map.
  std::uint64_t stored = 0;  // Map and data.
  std::size_t pax = 0;       // Bytes of pax records.
};

bool whole_second(std::int64_t time_ns) {
  return time_ns % kSecond == 0 && fits_octal(time_ns / kSecond, sizeof(UstarHeader::mtime));
}

// Whether the ustar fields alone say it: short enough, and in the one encoding that all readers
// share.
bool needs_pax(std::string_view text, std::size_t field) {
  return text.size() > field || !is_ascii(text);
}

// Calls `put` with each record of the member, in order.
template <typename Put>
void for_each_record(const Plan& plan, const Put& put) {
  const TarMember& member = plan.member;
  const bool path = !member.sparse && (!plan.split || !is_ascii(plan.name));
  const bool link = needs_pax(member.link_target, sizeof(UstarHeader::link_target));
  const bool owner = needs_pax(member.owner, sizeof(UstarHeader::owner) - 1);
  const bool group = needs_pax(member.group, sizeof(UstarHeader::group) - 1);
  const auto not_utf8 = [](bool used, std::string_view value) { return used && !is_utf8(value); };
  if (not_utf8(path || member.sparse, member.name) || not_utf8(link, member.link_target) ||
      not_utf8(owner, member.owner) || not_utf8(group, member.group)) {
    put(PaxRecord{"hdrcharset", {}, "BINARY", {}});
  }
  if (!whole_second(member.mtime_ns)) {
    put(PaxRecord{"mtime", {}, pax_time(member.mtime_ns).view(), {}});
  }
  const auto text = [&](bool used, std::string_view keyword, std::string_view value) {
    if (used) {
      put(PaxRecord{keyword, {}, value, {}});
    }
  };
  const auto number = [&](std::uint64_t value, std::size_t field, std::string_view keyword) {
    if (!fits_octal(static_cast<std::int64_t>(value), field)) {
      put(PaxRecord{keyword, {}, std::to_string(value), {}});
    }
  };
  text(path, "path", plan.name);
  text(link, "linkpath", member.link_target);
  number(plan.stored, sizeof(UstarHeader::size), "size");
  number(member.uid, sizeof(UstarHeader::uid), "uid");
  number(member.gid, sizeof(UstarHeader::gid), "gid");
  text(owner, "uname", member.owner);
  text(group, "gname", member.group);
  if (member.sparse) {
    put(PaxRecord{"GNU.sparse.major", {}, "1", {}});
    put(PaxRecord{"GNU.sparse.minor", {}, "0", {}});
    put(PaxRecord{"GNU.sparse.name", {}, member.name, {}});
    put(PaxRecord{"GNU.sparse.realsize", {}, std::to_string(member.size), {}});
  }
  text(member.same_content, kSameContent, "1");
  for (const auto& [name, value] : member.xattrs) {
    if (name.find_first_of("%=") == std::string::npos) {
      put(PaxRecord{kXattrPrefix, name, value, {}});
    } else {
      put(PaxRecord{kXattrPrefix, escape_xattr_name(name), value, {}});
    }
    if (name == "system.posix_acl_access" || name == "system.posix_acl_default") {
      const std::string acl = acl_text(value);
      const std::string_view kind = name.ends_with("default") ? "default" : "access";
      if (!acl.empty()) {
        put(PaxRecord{"SCHILY.acl.", kind, acl, {}});
      }
    }
  }
}

Plan plan_member(const TarMember& member) {
  check(member);
  Plan plan{member, ustar_name(member), std::nullopt};
  plan.split = split_name(plan.name);
  plan.stored = member.size;
  if (member.sparse) {
    plan.map = sparse_map_size(*member.sparse, member.size);
    plan.stored = plan.map;
    for (const SparseExtent& extent : *member.sparse) {
      plan.stored += extent.size;
    }
  }
  for_each_record(plan, [&](const PaxRecord& record) { plan.pax += pax_record_size(record); });
  if (plan.pax > kMaxPaxSize) {
    refuse(member, "extended attributes exceed " + std::to_string(kMaxPaxSize) + " bytes");
  }
  return plan;
}

std::uint64_t header_size(const Plan& plan) {
  return (plan.pax > 0 ? kTarBlock + round_up(plan.pax, kTarBlock) : 0) + kTarBlock;
}

template <std::size_t kSize>
void put_text(char (&field)[kSize], std::string_view text) {
  std::copy_n(text.begin(), std::min(text.size(), kSize), field);
}

void put_common(UstarHeader& header) {
  put_text(header.magic, kPosixMagic);
  put_number(header.device_major, 0);
  put_number(header.device_minor, 0);
}

void put_pax_member(UstarHeader& header, std::size_t size) {
  put_common(header);
  put_text(header.name, kPaxMemberName);
  put_number(header.mode, 0644);
  put_number(header.uid, 0);
  put_number(header.gid, 0);
  put_number(header.size, static_cast<std::int64_t>(size));
  put_number(header.mtime, 0);
  header.type = 'x';
  put_checksum(header);
}

char type_flag(MemberType type) {
  switch (type) {
    case MemberType::file:
      return '0';
    case MemberType::hardlink:
      return '1';
    case MemberType::symlink:
      return '2';
    case MemberType::character_device:
      return '3';
    case MemberType::block_device:
      return '4';
    case MemberType::directory:
      return '5';
    case MemberType::fifo:
      return '6';
  }
  MIXTAPE_ASSERT(!"every member type has a flag");
  return '\0';
}

void put_member(UstarHeader& header, const Plan& plan) {
  const TarMember& member = plan.member;
  put_common(header);
  put_text(header.name, plan.split ? plan.split->name : std::string_view(plan.name));
  if (plan.split) {
    put_text(header.prefix, plan.split->prefix);
  }
  put_number(header.mode, member.mode);
  put_number(header.uid, member.uid);
  put_number(header.gid, member.gid);
  put_number(header.size, static_cast<std::int64_t>(plan.stored));
  // Rounded towards the past, as file systems do.
  const std::int64_t below = member.mtime_ns % kSecond < 0 ? 1 : 0;
  put_number(header.mtime, member.mtime_ns / kSecond - below);
  header.type = type_flag(member.type);
  put_text(header.link_target, member.link_target);
  // These two fields end with a NUL always; what is longer is in the pax records.
  put_text(header.owner, member.owner.substr(0, sizeof header.owner - 1));
  put_text(header.group, member.group.substr(0, sizeof header.group - 1));
  put_number(header.device_major, member.device_major);
  put_number(header.device_minor, member.device_minor);
  put_checksum(header);
}

}  // namespace

bool begins_member(ByteView block) {
  if (block.size() != kTarBlock) {
    return false;
  }
  UstarHeader header;
  std::memcpy(&header, block.data(), sizeof header);
  if (header.type != 'x' || std::string_view(header.magic, sizeof header.magic) != kPosixMagic ||
      get_text(header.name) != kPaxMemberName) {
    return false;
  }
  UstarHeader summed = header;
  put_checksum(summed);
  return std::ranges::equal(summed.checksum, header.checksum);
}

TarHeader encode_header(const TarMember& member) {
  const Plan plan = plan_member(member);
  TarHeader header;
  header.blocks.resize(header_size(plan));
  header.stored_size = plan.stored;
  if (member.sparse) {
    header.sparse_map = encode_sparse_map(*member.sparse, member.size);
  }
  auto* at = reinterpret_cast<char*>(header.blocks.data());
  if (plan.pax > 0) {
    put_pax_member(*reinterpret_cast<UstarHeader*>(at), plan.pax);
    char* record_at = at + kTarBlock;
    for_each_record(
        plan, [&](const PaxRecord& record) { record_at = put_pax_record(record_at, record); });
    at += kTarBlock + round_up(plan.pax, kTarBlock);
  }
  put_member(*reinterpret_cast<UstarHeader*>(at), plan);
  return header;
}

TarSize measure_member(const TarMember& member) {
  const Plan plan = plan_member(member);
  return {.header = header_size(plan), .stored = plan.stored};
}

std::uint64_t member_size(const TarHeader& header) {
  return header.blocks.size() + round_up(header.stored_size, kTarBlock);
}

}  // namespace mixtape::format
