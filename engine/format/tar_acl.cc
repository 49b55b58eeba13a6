// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/format/tar_fields.h"

namespace mixtape::format {
namespace {

// The attribute as the kernel shows it: a version, then entries, all little-endian
// (linux/posix_acl_xattr.h).
//   0 4 version (2) | per entry: 0 2 tag, 2 2 permissions, 4 4 id (all ones where the tag needs
//   none)
constexpr std::size_t kAclHeader = 4;
constexpr std::size_t kAclEntry = 8;
constexpr std::uint32_t kAclVersion = 2;

std::uint32_t load(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = width; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

// What stands before the permissions; empty for an unknown tag.
std::string entry_name(std::uint32_t tag, std::uint32_t id) {
  switch (tag) {
    case 0x01:
      return "user::";
    case 0x02:
      return "user:" + std::to_string(id) + ":";
    case 0x04:
      return "group::";
    case 0x08:
      return "group:" + std::to_string(id) + ":";
    case 0x10:
      return "mask::";
    case 0x20:
      return "other::";
    default:
      return {};
  }
}

}  // namespace

std::string acl_text(std::string_view attribute) {
  if (attribute.size() < kAclHeader + kAclEntry ||
      (attribute.size() - kAclHeader) % kAclEntry != 0 || load(attribute, 0, 4) != kAclVersion) {
    return {};
  }
  std::string text;
  for (std::size_t at = kAclHeader; at < attribute.size(); at += kAclEntry) {
    const std::string name = entry_name(load(attribute, at, 2), load(attribute, at + 4, 4));
    const std::uint32_t permissions = load(attribute, at + 2, 2);
    if (name.empty() || permissions > 7) {
      return {};
    }
    text += text.empty() ? "" : ",";
    text += name;
    text += (permissions & 4) != 0 ? 'r' : '-';
    text += (permissions & 2) != 0 ? 'w' : '-';
    text += (permissions & 1) != 0 ? 'x' : '-';
  }
  return text;
}

}  // namespace mixtape::format
