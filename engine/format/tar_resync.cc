// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "engine/format/memory_source.h"
#include "engine/format/tar_fields.h"
#include "tapeio/error.h"

namespace mixtape::format {
namespace {

// A field that is full may be the beginning of what a pax record had.
template <std::size_t kSize>
bool may_be_cut(const char (&field)[kSize], std::size_t room = kSize) {
  return get_text(field).size() >= room;
}

bool may_be_cut(const UstarHeader& header) {
  const bool name = may_be_cut(header.name) && header.prefix[0] == '\0';
  return name || may_be_cut(header.link_target) ||
         may_be_cut(header.owner, sizeof header.owner - 1) ||
         may_be_cut(header.group, sizeof header.group - 1);
}

}  // namespace

std::optional<TarMember> plain_member(ByteView block) {
  if (block.size() != kTarBlock) {
    return std::nullopt;
  }
  UstarHeader header;
  std::memcpy(&header, block.data(), sizeof header);
  const std::string_view magic(header.magic, sizeof header.magic);
  // Most blocks are data: the sum of one is not taken before it says that it is a header.
  if (magic != kPosixMagic || std::string_view("025").find(header.type) == std::string_view::npos ||
      get_text(header.name).empty() || may_be_cut(header)) {
    return std::nullopt;
  }
  try {
    MemorySource source(block);
    TarReader reader(source);
    const auto found = reader.next();
    if (found && found->member.name.find("GNUSparseFile.") == std::string::npos &&
        std::ranges::equal(encode_header(found->member).blocks, block)) {
      return found->member;
    }
  } catch (const Error&) {
    // No header of ours.
  }
  return std::nullopt;
}

}  // namespace mixtape::format
