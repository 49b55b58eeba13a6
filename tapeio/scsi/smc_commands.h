// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tapeio/bytes.h"
#include "tapeio/changer.h"

// The SMC-3 commands of a medium changer, as bytes: CDBs out, parameter data in. Pure functions.
//
// What comes in was written by a stranger: nothing is read beyond what was transferred, and a
// length that contradicts it is an Error.
//
// Errors: throws Error{io} for data that break the standard.

namespace mixtape::tapeio::scsi {

using Cdb6 = std::array<std::uint8_t, 6>;
using Cdb12 = std::array<std::uint8_t, 12>;

inline constexpr std::uint8_t kChangerDeviceType = 0x08;
// INQUIRY's standard data and a mode page are shorter; more is not asked for.
inline constexpr std::uint8_t kMostChangerParameters = 252;

[[nodiscard]] Cdb6 changer_inquiry();
[[nodiscard]] Cdb6 changer_ready();
// MODE SENSE(6), block descriptors disabled. Pages 1Dh and 1Fh.
[[nodiscard]] Cdb6 changer_mode_sense(std::uint8_t page);
[[nodiscard]] Cdb6 initialize_element_status();
[[nodiscard]] Cdb6 lock_changer_door(bool prevent);
// The transport that the changer itself prefers.
[[nodiscard]] Cdb12 move_medium(std::uint16_t from, std::uint16_t to);

struct ElementStatusRequest {
  Element::Kind kind = Element::Kind::slot;
  std::uint16_t first = 0;
  std::uint16_t count = 0;
  bool volume_tags = true;
  bool drive_identifiers = false;
  std::uint32_t allocation = 0;  // At most 24 bits.
};
[[nodiscard]] Cdb12 read_element_status(const ElementStatusRequest& request);

struct ChangerInquiry {
  std::uint8_t device_type = 0x1f;
  std::string vendor, product, revision;  // Without padding.
};
[[nodiscard]] ChangerInquiry parse_changer_inquiry(ByteView data);

// Mode page 1Dh: where the elements of each kind begin, and how many there are.
struct ElementRange {
  std::uint16_t first = 0;
  std::uint16_t count = 0;
  bool operator==(const ElementRange&) const = default;
};
struct ElementAssignment {
  ElementRange transports, slots, import_exports, drives;
  [[nodiscard]] const ElementRange& of(Element::Kind kind) const;
};
[[nodiscard]] ElementAssignment parse_element_assignment(ByteView data);

// Mode page 1Fh, device capabilities: whether MOVE MEDIUM goes from one kind to another.
struct ChangerCapabilities {
  std::array<std::uint8_t, 4> moves_from{};  // By kind - 1; bit kind - 1 of the destination.
  [[nodiscard]] bool moves(Element::Kind from, Element::Kind to) const;
};
[[nodiscard]] ChangerCapabilities parse_changer_capabilities(ByteView data);

// One answer to READ ELEMENT STATUS.
struct ElementStatus {
  // What all that was asked for would take, header included; more than `data` means that the
  // allocation was too small and `elements` is only a part.
  std::size_t bytes_available = 0;
  std::vector<Element> elements;  // As they came; `number` is not set.
};
[[nodiscard]] ElementStatus parse_element_status(ByteView data);

// tgt 1.0.85 forgets the header when it counts what it sends: the last eight bytes never come. True
// when `data`, an answer into `allocation` bytes, was so; zeros stand for them then.
[[nodiscard]] bool mend_short_status(Bytes& data, std::size_t allocation);

}  // namespace mixtape::tapeio::scsi
