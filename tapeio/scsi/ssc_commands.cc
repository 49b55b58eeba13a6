// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/ssc_commands.h"

#include "tapeio/error.h"

namespace mixtape::tapeio::scsi {
namespace {

constexpr std::uint64_t kMost24Bits = (1u << 24) - 1;

SscCommand command(std::uint8_t operation, std::uint8_t size, Patience patience) {
  SscCommand made{.size = size, .patience = patience};
  made.bytes[0] = operation;
  return made;
}

// Big-endian, `size` bytes from `offset`.
void put(SscCommand& to, std::size_t offset, std::size_t size, std::uint64_t value) {
  for (std::size_t i = size; i-- > 0;) {
    to.bytes[offset + i] = static_cast<std::uint8_t>(value & 0xff);
    value >>= 8;
  }
  MIXTAPE_ASSERT(value == 0);
}

}  // namespace

std::chrono::milliseconds time_for(Patience patience) {
  using std::chrono::seconds;
  switch (patience) {
    case Patience::quick:
      return seconds(120);
    case Patience::inform:
      return seconds(300);
    case Patience::transfer:
      return seconds(1800);
    case Patience::positioning:
      return seconds(3000);
    case Patience::loading:
      return seconds(9000);
  }
  return seconds(120);
}

SscCommand test_unit_ready() {
  return command(op::kTestUnitReady, 6, Patience::quick);
}

SscCommand request_sense(std::uint8_t allocation) {
  SscCommand made = command(op::kRequestSense, 6, Patience::quick);
  made.bytes[4] = allocation;
  return made;
}

SscCommand inquiry(std::uint16_t allocation) {
  SscCommand made = command(op::kInquiry, 6, Patience::quick);
  put(made, 3, 2, allocation);
  return made;
}

SscCommand inquiry_page(std::uint8_t page, std::uint16_t allocation) {
  SscCommand made = inquiry(allocation);
  made.bytes[1] = 0x01;
  made.bytes[2] = page;
  return made;
}

SscCommand report_operation_codes(std::uint32_t allocation) {
  SscCommand made = command(op::kMaintenanceIn, 12, Patience::quick);
  made.bytes[1] = 0x0c;
  put(made, 6, 4, allocation);
  return made;
}

SscCommand read_6(std::uint32_t size) {
  SscCommand made = command(op::kRead6, 6, Patience::transfer);
  put(made, 2, 3, size);
  return made;
}

SscCommand write_6(std::uint32_t size) {
  SscCommand made = command(op::kWrite6, 6, Patience::transfer);
  put(made, 2, 3, size);
  return made;
}

SscCommand write_filemarks_6(std::uint32_t count) {
  SscCommand made = command(op::kWriteFilemarks6, 6, Patience::transfer);
  put(made, 2, 3, count);
  return made;
}

SscCommand space_6(SpaceOver what, std::int32_t count) {
  SscCommand made = command(op::kSpace6, 6, Patience::positioning);
  MIXTAPE_ASSERT(count >= -(1 << 23) && count < 1 << 23);
  made.bytes[1] = static_cast<std::uint8_t>(what);
  put(made, 2, 3, static_cast<std::uint32_t>(count) & kMost24Bits);
  return made;
}

SscCommand space_16(SpaceOver what, std::int64_t count) {
  SscCommand made = command(op::kSpace16, 16, Patience::positioning);
  made.bytes[1] = static_cast<std::uint8_t>(what);
  put(made, 4, 8, static_cast<std::uint64_t>(count));
  return made;
}

SscCommand locate_10(std::uint32_t block) {
  SscCommand made = command(op::kLocate10, 10, Patience::positioning);
  put(made, 3, 4, block);
  return made;
}

SscCommand locate_16(std::uint64_t block) {
  SscCommand made = command(op::kLocate16, 16, Patience::positioning);
  put(made, 4, 8, block);
  return made;
}

SscCommand rewind_tape() {
  return command(op::kRewind, 6, Patience::positioning);
}

SscCommand read_position(PositionForm form) {
  SscCommand made = command(op::kReadPosition, 10, Patience::inform);
  made.bytes[1] = static_cast<std::uint8_t>(form);
  if (form == PositionForm::extended) {  // The other forms have one size and must say 0.
    put(made, 7, 2, kExtendedPositionBytes);
  }
  return made;
}

SscCommand load_tape() {
  SscCommand made = command(op::kLoadUnload, 6, Patience::loading);
  made.bytes[4] = 0x01;
  return made;
}

SscCommand unload_tape() {
  return command(op::kLoadUnload, 6, Patience::loading);
}

SscCommand prevent_removal(bool prevent) {
  SscCommand made = command(op::kPreventAllow, 6, Patience::quick);
  made.bytes[4] = prevent ? 0x01 : 0x00;
  return made;
}

SscCommand read_block_limits() {
  return command(op::kReadBlockLimits, 6, Patience::quick);
}

SscCommand mode_sense_6(std::uint8_t page, std::uint8_t subpage, std::uint8_t allocation) {
  SscCommand made = command(op::kModeSense6, 6, Patience::inform);
  made.bytes[2] = page;
  made.bytes[3] = subpage;
  made.bytes[4] = allocation;
  return made;
}

SscCommand mode_sense_10(std::uint8_t page, std::uint8_t subpage, std::uint16_t allocation) {
  SscCommand made = command(op::kModeSense10, 10, Patience::inform);
  made.bytes[2] = page;
  made.bytes[3] = subpage;
  put(made, 7, 2, allocation);
  return made;
}

SscCommand mode_select_6(std::uint8_t size) {
  SscCommand made = command(op::kModeSelect6, 6, Patience::inform);
  made.bytes[1] = 0x10;  // Pages as the standard has them.
  made.bytes[4] = size;
  return made;
}

SscCommand mode_select_10(std::uint16_t size) {
  SscCommand made = command(op::kModeSelect10, 10, Patience::inform);
  made.bytes[1] = 0x10;
  put(made, 7, 2, size);
  return made;
}

SscCommand log_sense(std::uint8_t page, std::uint16_t allocation) {
  SscCommand made = command(op::kLogSense, 10, Patience::inform);
  made.bytes[2] = static_cast<std::uint8_t>(0x40 | page);
  put(made, 7, 2, allocation);
  return made;
}

SscCommand read_attribute(std::uint16_t first, std::uint32_t allocation) {
  SscCommand made = command(op::kReadAttribute, 16, Patience::inform);
  put(made, 8, 2, first);
  put(made, 10, 4, allocation);
  return made;
}

SscCommand write_attribute(std::uint32_t size) {
  SscCommand made = command(op::kWriteAttribute, 16, Patience::inform);
  made.bytes[1] = 0x01;
  put(made, 10, 4, size);
  return made;
}

SscCommand reserve_6() {
  return command(op::kReserve6, 6, Patience::quick);
}

SscCommand release_6() {
  return command(op::kRelease6, 6, Patience::quick);
}

SscCommand persistent_reserve_out(PersistentAction action) {
  SscCommand made = command(op::kPersistentReserveOut, 10, Patience::quick);
  made.bytes[1] = static_cast<std::uint8_t>(action);
  const bool has_type = action == PersistentAction::reserve || action == PersistentAction::release;
  made.bytes[2] = has_type ? 0x03 : 0x00;
  put(made, 5, 4, kPersistentListBytes);
  return made;
}

std::array<std::byte, kPersistentListBytes> persistent_list(std::uint64_t key,
                                                            std::uint64_t new_key) {
  std::array<std::byte, kPersistentListBytes> list{};
  store_big_endian(list.data(), key);
  store_big_endian(list.data() + 8, new_key);
  return list;
}

SscCommand allow_overwrite(std::uint64_t block) {
  SscCommand made = command(op::kAllowOverwrite, 16, Patience::inform);
  made.bytes[2] = 0x01;  // At the current position, which is told again as a check.
  put(made, 4, 8, block);
  return made;
}

SscCommand generate_access_order(std::uint32_t list_size) {
  SscCommand made = command(op::kMaintenanceOut, 12, Patience::inform);
  made.bytes[1] = 0x1d;
  made.bytes[2] = 0x02;  // Reorder.
  put(made, 6, 4, list_size);
  return made;
}

SscCommand receive_access_order(std::uint32_t offset, std::uint32_t allocation) {
  SscCommand made = command(op::kMaintenanceIn, 12, Patience::inform);
  made.bytes[1] = 0x1d;
  put(made, 2, 4, offset);
  put(made, 6, 4, allocation);
  return made;
}

SscCommand receive_access_order_limits() {
  SscCommand made = receive_access_order(0, 4);
  made.bytes[1] = 0x80 | 0x1d;
  return made;
}

SscCommand read_ends_of_wraps(std::uint32_t allocation) {
  SscCommand made = command(op::kMaintenanceIn, 12, Patience::inform);
  made.bytes[1] = 0x1f;
  made.bytes[2] = 0x45;
  made.bytes[3] = 0x02;  // Report all.
  put(made, 6, 4, allocation);
  return made;
}

}  // namespace mixtape::tapeio::scsi
