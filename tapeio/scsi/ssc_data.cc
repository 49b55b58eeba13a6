// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/ssc_data.h"

#include <algorithm>

#include "tapeio/scsi/ssc_commands.h"

namespace mixtape::tapeio::scsi {
namespace {

std::uint8_t byte_at(ByteView data, std::size_t offset) {
  return std::to_integer<std::uint8_t>(data[offset]);
}

// The caller has checked that they are there.
std::uint64_t number_at(ByteView data, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | byte_at(data, offset + i);
  }
  return value;
}

void put_number(Bytes& to, std::size_t size, std::uint64_t value) {
  for (std::size_t i = size; i-- > 0;) {
    to.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
  }
}

// What stands behind a header whose length field at `offset` says how much there is.
ByteView behind_length(ByteView data, std::size_t header, std::size_t offset, std::size_t size) {
  if (data.size() < header) {
    return {};
  }
  const std::uint64_t said = number_at(data, offset, size);
  const std::size_t there = data.size() - header;
  return data.subspan(header, static_cast<std::size_t>(std::min<std::uint64_t>(said, there)));
}

struct Field {
  std::size_t offset, size;
};

// The short and the long form of a position that tells of blocks alone.
std::optional<ReportedPosition> block_position(ByteView data, std::size_t least, Field block) {
  if (data.size() < least) {
    return std::nullopt;
  }
  const std::uint8_t flags = byte_at(data, 0);
  const bool is_unknown = (flags & 0x04) != 0;
  const bool does_not_fit = (flags & 0x02) != 0;
  if (is_unknown || does_not_fit) {
    return std::nullopt;
  }
  return ReportedPosition{.block = number_at(data, block.offset, block.size),
                          .at_beginning = (flags & 0x80) != 0};
}

}  // namespace

std::string printable(ByteView text) {
  std::string made;
  for (const std::byte byte : text) {
    const char letter = static_cast<char>(byte);
    if (letter == '\0') {
      break;
    }
    made.push_back(letter >= ' ' && letter <= '~' ? letter : '?');
  }
  const std::size_t last = made.find_last_not_of(' ');
  const std::size_t first = made.find_first_not_of(' ');
  return first == std::string::npos ? std::string{} : made.substr(first, last - first + 1);
}

std::optional<Inquiry> parse_inquiry(ByteView data) {
  if (data.size() < 36) {
    return std::nullopt;
  }
  return Inquiry{.device_type = static_cast<std::uint8_t>(byte_at(data, 0) & 0x1f),
                 .is_removable = (byte_at(data, 1) & 0x80) != 0,
                 .vendor = printable(data.subspan(8, 8)),
                 .product = printable(data.subspan(16, 16)),
                 .revision = printable(data.subspan(32, 4))};
}

std::optional<std::string> parse_serial(ByteView data) {
  if (data.size() < 4 || byte_at(data, 1) != kSerialPage) {
    return std::nullopt;
  }
  return printable(behind_length(data, 4, 2, 2));
}

std::vector<std::string> parse_designators(ByteView data) {
  std::vector<std::string> found;
  if (data.size() < 4 || byte_at(data, 1) != kIdentificationPage) {
    return found;
  }
  ByteView left = behind_length(data, 4, 2, 2);
  while (left.size() >= 4) {
    const std::size_t size = byte_at(left, 3);
    if (size > left.size() - 4) {
      break;
    }
    const ByteView value = left.subspan(4, size);
    const bool is_of_unit = (byte_at(left, 1) >> 4 & 0x3) == 0;
    if (is_of_unit && !value.empty()) {
      const bool is_text = (byte_at(left, 0) & 0x0f) != 1;
      const bool is_naa = (byte_at(left, 1) & 0x0f) == 3;
      found.push_back(is_text ? printable(value) : (is_naa ? "naa." : "id.") + to_hex(value));
    }
    left = left.subspan(4 + size);
  }
  return found;
}

std::optional<OperationCodes> parse_operation_codes(ByteView data) {
  if (data.size() < 4) {
    return std::nullopt;
  }
  OperationCodes codes;
  ByteView left = behind_length(data, 4, 0, 4);
  while (left.size() >= 8) {
    const std::uint8_t flags = byte_at(left, 5);
    const bool has_action = (flags & 0x01) != 0;
    codes.emplace(byte_at(left, 0),
                  has_action ? static_cast<std::uint16_t>(number_at(left, 2, 2)) : 0);
    const std::size_t size = (flags & 0x02) != 0 ? 20 : 8;  // With or without its timeouts.
    left = left.subspan(std::min(size, left.size()));
  }
  return codes.empty() ? std::nullopt : std::optional(codes);
}

std::optional<ReportedPosition> parse_brief_position(ByteView data) {
  return block_position(data, kBriefPositionBytes, {.offset = 4, .size = 4});
}

std::optional<ReportedPosition> parse_complete_position(ByteView data) {
  if (data.size() < kCompletePositionBytes) {
    return std::nullopt;
  }
  const std::uint8_t flags = byte_at(data, 0);
  const bool is_unknown = (flags & 0x0c) != 0;  // Of the block or of the filemarks.
  if (is_unknown) {
    return std::nullopt;
  }
  return ReportedPosition{.block = number_at(data, 8, 8),
                          .file = number_at(data, 16, 8),
                          .at_beginning = (flags & 0x80) != 0};
}

std::optional<ReportedPosition> parse_extended_position(ByteView data) {
  return block_position(data, kCompletePositionBytes, {.offset = 8, .size = 8});
}

std::optional<BlockLimits> parse_block_limits(ByteView data) {
  if (data.size() < 6) {
    return std::nullopt;
  }
  return BlockLimits{.largest = static_cast<std::uint32_t>(number_at(data, 1, 3)),
                     .smallest = static_cast<std::uint16_t>(number_at(data, 4, 2)),
                     .granularity = static_cast<std::uint8_t>(byte_at(data, 0) & 0x1f)};
}

std::optional<ModeData> parse_mode_data(ByteView data, ModeForm form) {
  const std::size_t header = form == ModeForm::six ? 4 : 8;
  if (data.size() < header) {
    return std::nullopt;
  }
  const std::uint8_t flags = byte_at(data, form == ModeForm::six ? 2 : 3);
  const std::size_t descriptors = form == ModeForm::six ? byte_at(data, 3) : number_at(data, 6, 2);
  if (descriptors > data.size() - header) {
    return std::nullopt;
  }
  ModeData mode{.write_protected = (flags & 0x80) != 0,
                .buffered_mode = static_cast<std::uint8_t>(flags >> 4 & 0x07)};
  if (descriptors >= 8) {
    mode.density = byte_at(data, header);
    mode.block_size = static_cast<std::uint32_t>(number_at(data, header + 5, 3));
  }
  ByteView page = data.subspan(header + descriptors);
  if (page.size() >= 2) {
    const bool is_subpage = (byte_at(page, 0) & 0x40) != 0;
    const std::size_t page_header = is_subpage ? 4 : 2;
    if (page.size() < page_header) {
      return std::nullopt;
    }
    const std::size_t size = page_header + number_at(page, is_subpage ? 2 : 1, page_header / 2);
    if (size > page.size()) {
      return std::nullopt;
    }
    mode.page.assign(page.begin(), page.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return mode;
}

Bytes build_mode_list(const ModeData& mode, ModeForm form) {
  const std::uint8_t buffering = static_cast<std::uint8_t>(mode.buffered_mode << 4);
  Bytes list;
  if (form == ModeForm::six) {
    put_number(list, 4, std::uint64_t{buffering} << 8 | 8);
  } else {
    put_number(list, 8, std::uint64_t{buffering} << 32 | 8);
  }
  put_number(list, 1, mode.density);
  put_number(list, 3, 0);
  put_number(list, 4, mode.block_size);
  if (!mode.page.empty()) {
    list.insert(list.end(), mode.page.begin(), mode.page.end());
    // PS says that the page can be saved; MODE SELECT has it reserved.
    list[list.size() - mode.page.size()] &= std::byte{0x7f};
  }
  return list;
}

std::optional<LogParameters> parse_log_page(ByteView data, std::uint8_t page) {
  if (data.size() < 4 || (byte_at(data, 0) & 0x3f) != page) {
    return std::nullopt;
  }
  LogParameters found;
  ByteView left = behind_length(data, 4, 2, 2);
  while (left.size() >= 4) {
    const std::size_t size = byte_at(left, 3);
    if (size > left.size() - 4) {
      break;
    }
    const ByteView value = left.subspan(4, size);
    found[static_cast<std::uint16_t>(number_at(left, 0, 2))] = Bytes(value.begin(), value.end());
    left = left.subspan(4 + size);
  }
  return found;
}

std::optional<std::uint64_t> number_of(const LogParameters& log, std::uint16_t code) {
  const auto found = log.find(code);
  if (found == log.end() || found->second.empty() || found->second.size() > 8) {
    return std::nullopt;
  }
  return number_at(found->second, 0, found->second.size());
}

std::vector<MediumAttribute> parse_attributes(ByteView data) {
  std::vector<MediumAttribute> found;
  ByteView left = behind_length(data, 4, 0, 4);
  while (left.size() >= 5) {
    const std::size_t size = number_at(left, 3, 2);
    if (size > left.size() - 5) {
      break;
    }
    const ByteView value = left.subspan(5, size);
    found.push_back({.id = static_cast<std::uint16_t>(number_at(left, 0, 2)),
                     .format = static_cast<MediumAttribute::Format>(byte_at(left, 2) & 0x03),
                     .value = Bytes(value.begin(), value.end())});
    left = left.subspan(5 + size);
  }
  return found;
}

Bytes build_attribute_list(std::span<const MediumAttribute> attributes) {
  Bytes list(4);
  for (const MediumAttribute& attribute : attributes) {
    put_number(list, 2, attribute.id);
    put_number(list, 1, static_cast<std::uint8_t>(attribute.format));
    put_number(list, 2, attribute.value.size());
    list.insert(list.end(), attribute.value.begin(), attribute.value.end());
  }
  store_big_endian(list.data(), static_cast<std::uint32_t>(list.size() - 4));
  return list;
}

std::optional<AccessOrderLimits> parse_access_order_limits(ByteView data) {
  if (data.size() < 4) {
    return std::nullopt;
  }
  return AccessOrderLimits{.most_ranges = static_cast<std::uint16_t>(number_at(data, 0, 2)),
                           .range_bytes = static_cast<std::uint16_t>(number_at(data, 2, 2))};
}

Bytes build_access_ranges(std::span<const BlockRange> ranges) {
  Bytes list;
  put_number(list, 4, 0);
  put_number(list, 4, ranges.size() * kAccessRangeBytes);
  for (std::size_t index = 0; index < ranges.size(); ++index) {
    put_number(list, 2, kAccessRangeBytes - 2);
    put_number(list, 3, 0);
    put_number(list, 2, 0);
    put_number(list, 8, index);
    put_number(list, 1, 0);
    put_number(list, 8, ranges[index].first);
    put_number(list, 8, ranges[index].last);
  }
  return list;
}

std::optional<std::vector<std::size_t>> parse_access_order(ByteView data, std::size_t count) {
  std::vector<std::size_t> order;
  std::vector<bool> seen(count, false);
  ByteView left = behind_length(data, 8, 4, 4);
  while (left.size() >= kAccessRangeBytes) {
    const std::size_t size = 2 + number_at(left, 0, 2);
    const std::uint64_t index = number_at(left, 7, 8);
    if (size < kAccessRangeBytes || size > left.size() || index >= count ||
        seen[static_cast<std::size_t>(index)]) {
      return std::nullopt;
    }
    seen[static_cast<std::size_t>(index)] = true;
    order.push_back(static_cast<std::size_t>(index));
    left = left.subspan(size);
  }
  return order.size() == count ? std::optional(order) : std::nullopt;
}

std::vector<std::uint64_t> parse_ends_of_wraps(ByteView data) {
  std::vector<std::uint64_t> ends;
  // The length is of what follows its own two bytes.
  if (data.size() < 4) {
    return ends;
  }
  const std::size_t said = 2 + number_at(data, 0, 2);
  ByteView left = data.first(std::min(said, data.size()));
  left = left.subspan(std::min<std::size_t>(4, left.size()));
  while (left.size() >= 12) {
    if (number_at(left, 2, 2) == 0) {  // The first partition; we make no others.
      ends.push_back(number_at(left, 6, 6));
    }
    left = left.subspan(12);
  }
  return ends;
}

}  // namespace mixtape::tapeio::scsi
