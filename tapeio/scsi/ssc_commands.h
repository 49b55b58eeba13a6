// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "tapeio/scsi/transport.h"

// The commands of a sequential-access device (SSC-5, SPC-5) as bytes, one function each.
//
// Units:   sizes in bytes, addresses in logical objects, counts as the standard has them.
// Threads: values only. Errors: none; a value that a field cannot hold is a bug.

namespace mixtape::tapeio::scsi {

namespace op {
inline constexpr std::uint8_t kTestUnitReady = 0x00;
inline constexpr std::uint8_t kRewind = 0x01;
inline constexpr std::uint8_t kRequestSense = 0x03;
inline constexpr std::uint8_t kReadBlockLimits = 0x05;
inline constexpr std::uint8_t kRead6 = 0x08;
inline constexpr std::uint8_t kWrite6 = 0x0a;
inline constexpr std::uint8_t kWriteFilemarks6 = 0x10;
inline constexpr std::uint8_t kSpace6 = 0x11;
inline constexpr std::uint8_t kInquiry = 0x12;
inline constexpr std::uint8_t kModeSelect6 = 0x15;
inline constexpr std::uint8_t kReserve6 = 0x16;
inline constexpr std::uint8_t kRelease6 = 0x17;
inline constexpr std::uint8_t kModeSense6 = 0x1a;
inline constexpr std::uint8_t kLoadUnload = 0x1b;
inline constexpr std::uint8_t kPreventAllow = 0x1e;
inline constexpr std::uint8_t kLocate10 = 0x2b;
inline constexpr std::uint8_t kReadPosition = 0x34;
inline constexpr std::uint8_t kLogSense = 0x4d;
inline constexpr std::uint8_t kModeSelect10 = 0x55;
inline constexpr std::uint8_t kModeSense10 = 0x5a;
inline constexpr std::uint8_t kPersistentReserveOut = 0x5f;
inline constexpr std::uint8_t kAllowOverwrite = 0x82;
inline constexpr std::uint8_t kReadAttribute = 0x8c;
inline constexpr std::uint8_t kWriteAttribute = 0x8d;
inline constexpr std::uint8_t kSpace16 = 0x91;
inline constexpr std::uint8_t kLocate16 = 0x92;
inline constexpr std::uint8_t kMaintenanceIn = 0xa3;
inline constexpr std::uint8_t kMaintenanceOut = 0xa4;
}  // namespace op

// How long a command may take before the drive is given up: the longest that LTO-5 to LTO-10 drives
// ask for, because a drive given up in the middle of a command is a lost session.
enum class Patience {
  quick,        // Answers from memory.
  inform,       // Answers after what it has begun: log pages, attributes (132 s on LTO-9).
  transfer,     // Data to and from the buffer, retries on the tape included.
  positioning,  // Once along the tape and back, and looking for its place.
  loading,      // LTO-9 media may need two hours when loaded for the first time.
};
[[nodiscard]] std::chrono::milliseconds time_for(Patience patience);

struct SscCommand {
  std::array<std::uint8_t, kMostCdbBytes> bytes{};
  std::uint8_t size = 0;
  Patience patience = Patience::quick;

  [[nodiscard]] std::span<const std::uint8_t> cdb() const { return {bytes.data(), size}; }
  [[nodiscard]] std::uint8_t operation() const { return bytes[0]; }
};

[[nodiscard]] SscCommand test_unit_ready();
[[nodiscard]] SscCommand request_sense(std::uint8_t allocation);
[[nodiscard]] SscCommand inquiry(std::uint16_t allocation);
[[nodiscard]] SscCommand inquiry_page(std::uint8_t page, std::uint16_t allocation);
// All of them (REPORT SUPPORTED OPERATION CODES, reporting options 000b).
[[nodiscard]] SscCommand report_operation_codes(std::uint32_t allocation);

// One record of variable size; without SILI, so that a record of another size is told of.
[[nodiscard]] SscCommand read_6(std::uint32_t size);
[[nodiscard]] SscCommand write_6(std::uint32_t size);
// Not immediate: answered when all is on the tape.
[[nodiscard]] SscCommand write_filemarks_6(std::uint32_t count);

enum class SpaceOver : std::uint8_t { blocks = 0, filemarks = 1, end_of_data = 3 };
// -2^23 to 2^23 - 1.
[[nodiscard]] SscCommand space_6(SpaceOver what, std::int32_t count);
[[nodiscard]] SscCommand space_16(SpaceOver what, std::int64_t count);
[[nodiscard]] SscCommand locate_10(std::uint32_t block);
[[nodiscard]] SscCommand locate_16(std::uint64_t block);
[[nodiscard]] SscCommand rewind_tape();

enum class PositionForm : std::uint8_t { brief = 0, complete = 6, extended = 8 };
inline constexpr std::size_t kBriefPositionBytes = 20;
inline constexpr std::size_t kCompletePositionBytes = 32;
inline constexpr std::size_t kExtendedPositionBytes = 32;
[[nodiscard]] SscCommand read_position(PositionForm form);

[[nodiscard]] SscCommand load_tape();
[[nodiscard]] SscCommand unload_tape();
[[nodiscard]] SscCommand prevent_removal(bool prevent);

[[nodiscard]] SscCommand read_block_limits();
[[nodiscard]] SscCommand mode_sense_6(std::uint8_t page, std::uint8_t subpage,
                                      std::uint8_t allocation);
[[nodiscard]] SscCommand mode_sense_10(std::uint8_t page, std::uint8_t subpage,
                                       std::uint16_t allocation);
[[nodiscard]] SscCommand mode_select_6(std::uint8_t size);
[[nodiscard]] SscCommand mode_select_10(std::uint16_t size);

// Cumulative values.
[[nodiscard]] SscCommand log_sense(std::uint8_t page, std::uint16_t allocation);
[[nodiscard]] SscCommand read_attribute(std::uint16_t first, std::uint32_t allocation);
// Written through to the chip, not kept in the drive until unloading.
[[nodiscard]] SscCommand write_attribute(std::uint32_t size);

[[nodiscard]] SscCommand reserve_6();
[[nodiscard]] SscCommand release_6();
enum class PersistentAction : std::uint8_t {
  register_key = 0,
  reserve = 1,
  release = 2,
  register_and_ignore = 6,
};
inline constexpr std::size_t kPersistentListBytes = 24;
// Exclusive access.
[[nodiscard]] SscCommand persistent_reserve_out(PersistentAction action);
[[nodiscard]] std::array<std::byte, kPersistentListBytes> persistent_list(std::uint64_t key,
                                                                          std::uint64_t new_key);
// At `block`, for drives in append-only mode.
[[nodiscard]] SscCommand allow_overwrite(std::uint64_t block);

[[nodiscard]] SscCommand generate_access_order(std::uint32_t list_size);
[[nodiscard]] SscCommand receive_access_order(std::uint32_t offset, std::uint32_t allocation);
[[nodiscard]] SscCommand receive_access_order_limits();
[[nodiscard]] SscCommand read_ends_of_wraps(std::uint32_t allocation);

}  // namespace mixtape::tapeio::scsi
