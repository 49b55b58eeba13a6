// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tapeio/bytes.h"
#include "tapeio/drive_features.h"

// What a sequential-access device answers as data, and what it is sent, as values.
//
// Everything that is parsed was written by a target: each length is checked before it is used, and
// what is cut off, contradicts itself or is of another kind gives nullopt or is left out.
//
// Threads: values only. Errors: none.

namespace mixtape::tapeio::scsi {

struct Inquiry {
  std::uint8_t device_type = 0x1f;  // 01h: sequential access.
  bool is_removable = false;
  std::string vendor, product, revision;
};
inline constexpr std::uint8_t kTapeDeviceType = 0x01;
inline constexpr std::uint8_t kSerialPage = 0x80;
inline constexpr std::uint8_t kIdentificationPage = 0x83;
[[nodiscard]] std::optional<Inquiry> parse_inquiry(ByteView data);
// VPD page 80h.
[[nodiscard]] std::optional<std::string> parse_serial(ByteView data);
// VPD page 83h: the designators of the logical unit, "naa.5000e111…" or text.
[[nodiscard]] std::vector<std::string> parse_designators(ByteView data);

// Operation code and service action (0 where there is none).
using OperationCodes = std::set<std::pair<std::uint8_t, std::uint16_t>>;
[[nodiscard]] std::optional<OperationCodes> parse_operation_codes(ByteView data);

struct ReportedPosition {
  std::uint64_t block = 0;
  std::optional<std::uint64_t> file = std::nullopt;  // Only in the complete form.
  bool at_beginning = false;
};
// nullopt also where the drive says that it does not know (BPU, MPU, LONU) or that the address does
// not fit.
[[nodiscard]] std::optional<ReportedPosition> parse_brief_position(ByteView data);
[[nodiscard]] std::optional<ReportedPosition> parse_complete_position(ByteView data);
[[nodiscard]] std::optional<ReportedPosition> parse_extended_position(ByteView data);

struct BlockLimits {
  std::uint32_t largest = 0;  // 0: no limit.
  std::uint16_t smallest = 0;
  std::uint8_t granularity = 0;  // Sizes are multiples of two to this power.
};
[[nodiscard]] std::optional<BlockLimits> parse_block_limits(ByteView data);

// MODE SENSE, and MODE SELECT, which takes the same with other bits set to zero.
enum class ModeForm { six, ten };
struct ModeData {
  bool write_protected = false;
  std::uint8_t buffered_mode = 0;  // 1: writes are answered when they are in the buffer.
  std::uint8_t density = 0;
  std::uint32_t block_size = 0;  // 0: variable.
  Bytes page = {};               // With its header; empty when none was asked for.
};
[[nodiscard]] std::optional<ModeData> parse_mode_data(ByteView data, ModeForm form);
[[nodiscard]] Bytes build_mode_list(const ModeData& mode, ModeForm form);

// Parameter code -> value.
using LogParameters = std::map<std::uint16_t, Bytes>;
[[nodiscard]] std::optional<LogParameters> parse_log_page(ByteView data, std::uint8_t page);
// The value as a big-endian number; nullopt when it is not there, or longer than 8 bytes.
[[nodiscard]] std::optional<std::uint64_t> number_of(const LogParameters& log, std::uint16_t code);

struct MediumAttribute {
  enum class Format : std::uint8_t { binary = 0, ascii = 1, text = 2 };
  std::uint16_t id = 0;
  Format format = Format::binary;
  Bytes value = {};
};
[[nodiscard]] std::vector<MediumAttribute> parse_attributes(ByteView data);
[[nodiscard]] Bytes build_attribute_list(std::span<const MediumAttribute> attributes);

// Two numbers of the limits: ranges per list, bytes per range.
struct AccessOrderLimits {
  std::uint16_t most_ranges = 0;
  std::uint16_t range_bytes = 0;
};
inline constexpr std::size_t kAccessRangeBytes = 32;
[[nodiscard]] std::optional<AccessOrderLimits> parse_access_order_limits(ByteView data);
// The name of each range is its index.
[[nodiscard]] Bytes build_access_ranges(std::span<const BlockRange> ranges);
// The indexes in the order of the answer; nullopt unless each of 0 to count - 1 is there once.
[[nodiscard]] std::optional<std::vector<std::size_t>> parse_access_order(ByteView data,
                                                                         std::size_t count);

[[nodiscard]] std::vector<std::uint64_t> parse_ends_of_wraps(ByteView data);

// Without what pads it; what is not printable is a question mark.
[[nodiscard]] std::string printable(ByteView text);

}  // namespace mixtape::tapeio::scsi
