// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/smc_commands.h"

#include <algorithm>

#include "tapeio/error.h"

namespace mixtape::tapeio::scsi {
namespace {

constexpr std::uint8_t kElementAssignmentPage = 0x1d;
constexpr std::uint8_t kChangerCapabilitiesPage = 0x1f;

constexpr std::size_t kStatusHeaderSize = 8;
constexpr std::size_t kStatusPageHeaderSize = 8;
constexpr std::size_t kShortestDescriptor = 12;
constexpr std::size_t kVolumeTagSize = 36;
constexpr std::size_t kVolumeIdentifierSize = 32;  // The rest of a tag is a sequence number.
constexpr std::size_t kIdentifierHeaderSize = 4;

std::uint8_t byte_at(ByteView data, std::size_t offset) {
  return std::to_integer<std::uint8_t>(data[offset]);
}

std::uint16_t word_at(ByteView data, std::size_t offset) {
  return load_big_endian<std::uint16_t>(data.subspan(offset, 2).data());
}

std::size_t three_bytes_at(ByteView data, std::size_t offset) {
  return (std::size_t{byte_at(data, offset)} << 16) | word_at(data, offset + 1);
}

void require_size(ByteView data, std::size_t size, const char* what) {
  if (data.size() < size) {
    throw Error(ErrorCode::io, std::string("read ") + what + ": the changer gave only " +
                                   std::to_string(data.size()) + " bytes");
  }
}

// Fields are padded with spaces or zeros; a stranger may put anything else there.
std::string plain_text(ByteView field) {
  std::string text(as_text(field));
  text.erase(std::find(text.begin(), text.end(), '\0'), text.end());
  const auto is_printable = [](char each) { return each >= ' ' && each <= '~'; };
  std::replace_if(
      text.begin(), text.end(), [&](char each) { return !is_printable(each); }, '?');
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? std::string()
                                    : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

// The page itself, behind the header and the block descriptors.
ByteView find_page(ByteView data, std::uint8_t code, std::size_t size, const char* what) {
  require_size(data, 4, what);
  const std::size_t start = 4 + std::size_t{byte_at(data, 3)};
  require_size(data, start + size, what);
  const ByteView page = data.subspan(start, size);
  if ((byte_at(page, 0) & 0x3f) != code || byte_at(page, 1) + std::size_t{2} < size) {
    throw Error(ErrorCode::io, std::string("read ") + what + ": the changer gave another page");
  }
  return page;
}

ElementRange range_at(ByteView page, std::size_t offset) {
  const ElementRange range{word_at(page, offset), word_at(page, offset + 2)};
  if (std::size_t{range.first} + range.count > 0x10000) {
    throw Error(ErrorCode::io, "read element addresses: they go beyond 65535");
  }
  return range;
}

std::size_t bit_of(Element::Kind kind) {
  return static_cast<std::size_t>(kind) - 1;
}

// What stands behind the fixed part of every descriptor.
struct DescriptorLayout {
  Element::Kind kind;
  bool has_volume_tag;
  std::size_t identifier_offset;
};

Element parse_descriptor(ByteView data, const DescriptorLayout& layout) {
  Element element{.kind = layout.kind, .address = word_at(data, 0)};
  const std::uint8_t flags = byte_at(data, 2);
  element.full = (flags & 0x01) != 0;
  element.exception = (flags & 0x04) != 0;
  element.accessible = layout.kind == Element::Kind::transport || (flags & 0x08) != 0;
  if (element.exception) {
    element.exception_asc = byte_at(data, 4);
    element.exception_ascq = byte_at(data, 5);
  }
  if (element.full && (byte_at(data, 9) & 0x80) != 0) {
    element.source = word_at(data, 10);
  }
  if (element.full && layout.has_volume_tag &&
      data.size() >= kShortestDescriptor + kVolumeTagSize) {
    element.barcode = plain_text(data.subspan(kShortestDescriptor, kVolumeIdentifierSize));
  }
  const std::size_t identifier = layout.identifier_offset + kIdentifierHeaderSize;
  if (layout.kind == Element::Kind::drive && data.size() > identifier) {
    const std::size_t size = byte_at(data, identifier - 1);
    element.identifier =
        plain_text(data.subspan(identifier, std::min(size, data.size() - identifier)));
  }
  return element;
}

// Returns what the page takes.
std::size_t parse_status_page(ByteView data, std::vector<Element>& elements) {
  const std::uint8_t kind = byte_at(data, 0) & 0x0f;
  const std::uint8_t flags = byte_at(data, 1);
  const std::size_t descriptor_size = word_at(data, 2);
  const std::size_t claimed = three_bytes_at(data, 5);
  if (kind < 1 || kind > 4 || (claimed > 0 && descriptor_size < kShortestDescriptor)) {
    throw Error(ErrorCode::io, "read element status: the changer gave a page of kind " +
                                   std::to_string(kind) + " with descriptors of " +
                                   std::to_string(descriptor_size) + " bytes");
  }
  const std::size_t tags = ((flags & 0x80) != 0 ? 1U : 0U) + ((flags & 0x40) != 0 ? 1U : 0U);
  const DescriptorLayout layout{static_cast<Element::Kind>(kind), (flags & 0x80) != 0,
                                kShortestDescriptor + tags * kVolumeTagSize};
  const std::size_t size = std::min(claimed, data.size() - kStatusPageHeaderSize);
  const ByteView descriptors = data.subspan(kStatusPageHeaderSize, size);
  for (std::size_t at = 0; at + descriptor_size <= size && size > 0; at += descriptor_size) {
    elements.push_back(parse_descriptor(descriptors.subspan(at, descriptor_size), layout));
  }
  return kStatusPageHeaderSize + size;
}

}  // namespace

Cdb6 changer_inquiry() {
  return {0x12, 0, 0, 0, kMostChangerParameters, 0};
}

Cdb6 changer_ready() {
  return {};
}

Cdb6 changer_mode_sense(std::uint8_t page) {
  return {0x1a, 0x08, page, 0, kMostChangerParameters, 0};
}

Cdb6 initialize_element_status() {
  return {0x07};
}

Cdb6 lock_changer_door(bool prevent) {
  return {0x1e, 0, 0, 0, static_cast<std::uint8_t>(prevent ? 1 : 0), 0};
}

Cdb12 move_medium(std::uint16_t from, std::uint16_t to) {
  return {0xa5,
          0,
          0,
          0,
          static_cast<std::uint8_t>(from >> 8),
          static_cast<std::uint8_t>(from & 0xff),
          static_cast<std::uint8_t>(to >> 8),
          static_cast<std::uint8_t>(to & 0xff)};
}

Cdb12 read_element_status(const ElementStatusRequest& request) {
  MIXTAPE_ASSERT(request.allocation < (1U << 24));
  return {0xb8,
          static_cast<std::uint8_t>((request.volume_tags ? 0x10U : 0U) |
                                    static_cast<unsigned>(request.kind)),
          static_cast<std::uint8_t>(request.first >> 8),
          static_cast<std::uint8_t>(request.first & 0xff),
          static_cast<std::uint8_t>(request.count >> 8),
          static_cast<std::uint8_t>(request.count & 0xff),
          static_cast<std::uint8_t>(request.drive_identifiers ? 0x01 : 0),
          static_cast<std::uint8_t>(request.allocation >> 16),
          static_cast<std::uint8_t>((request.allocation >> 8) & 0xff),
          static_cast<std::uint8_t>(request.allocation & 0xff)};
}

ChangerInquiry parse_changer_inquiry(ByteView data) {
  require_size(data, 36, "inquiry data");
  return {.device_type = static_cast<std::uint8_t>(byte_at(data, 0) & 0x1f),
          .vendor = plain_text(data.subspan(8, 8)),
          .product = plain_text(data.subspan(16, 16)),
          .revision = plain_text(data.subspan(32, 4))};
}

const ElementRange& ElementAssignment::of(Element::Kind kind) const {
  const std::array<const ElementRange*, 4> by_kind{&transports, &slots, &import_exports, &drives};
  return *by_kind[bit_of(kind)];
}

ElementAssignment parse_element_assignment(ByteView data) {
  const ByteView page = find_page(data, kElementAssignmentPage, 18, "element addresses");
  return {.transports = range_at(page, 2),
          .slots = range_at(page, 6),
          .import_exports = range_at(page, 10),
          .drives = range_at(page, 14)};
}

bool ChangerCapabilities::moves(Element::Kind from, Element::Kind to) const {
  // A changer that says that it moves nothing does not know this page.
  const bool says_nothing =
      std::all_of(moves_from.begin(), moves_from.end(), [](auto each) { return each == 0; });
  return says_nothing || ((moves_from[bit_of(from)] >> bit_of(to)) & 1) != 0;
}

ChangerCapabilities parse_changer_capabilities(ByteView data) {
  const ByteView page = find_page(data, kChangerCapabilitiesPage, 8, "changer capabilities");
  ChangerCapabilities capabilities;
  for (std::size_t kind = 0; kind < capabilities.moves_from.size(); ++kind) {
    capabilities.moves_from[kind] = byte_at(page, 4 + kind) & 0x0f;
  }
  return capabilities;
}

bool mend_short_status(Bytes& data, std::size_t allocation) {
  if (data.size() >= allocation || data.size() < kStatusHeaderSize) {
    return false;
  }
  const std::size_t announced = kStatusHeaderSize + three_bytes_at(data, 5);
  if (data.size() + kStatusHeaderSize != announced) {
    return false;
  }
  data.resize(announced);
  return true;
}

ElementStatus parse_element_status(ByteView data) {
  require_size(data, kStatusHeaderSize, "element status");
  ElementStatus status;
  status.bytes_available = kStatusHeaderSize + three_bytes_at(data, 5);
  ByteView pages = data.subspan(kStatusHeaderSize);
  pages = pages.first(std::min(pages.size(), three_bytes_at(data, 5)));
  while (pages.size() >= kStatusPageHeaderSize) {
    pages = pages.subspan(parse_status_page(pages, status.elements));
  }
  return status;
}

}  // namespace mixtape::tapeio::scsi
