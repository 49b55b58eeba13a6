// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/sense.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>

namespace mixtape::tapeio::scsi {
namespace {

using SenseBytes = std::span<const std::uint8_t>;

// Not even the first byte behind what was sent is looked at.
std::uint8_t at(SenseBytes bytes, std::size_t offset) {
  return offset < bytes.size() ? bytes[offset] : std::uint8_t{0};
}

std::uint64_t big_endian(SenseBytes bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | at(bytes, offset + i);
  }
  return value;
}

void decode_flags(Sense& sense, std::uint8_t flags) {
  sense.filemark = (flags & 0x80) != 0;
  sense.end_of_medium = (flags & 0x40) != 0;
  sense.incorrect_length = (flags & 0x20) != 0;
}

// The sense-key specific bytes are a progress only with these keys; else they point at a field.
void decode_progress(Sense& sense, SenseBytes bytes, std::size_t offset) {
  const bool is_progress = sense.key == SenseKey::no_sense || sense.key == SenseKey::not_ready;
  if (is_progress && offset + 3 <= bytes.size() && (bytes[offset] & 0x80) != 0) {
    sense.progress = static_cast<double>(big_endian(bytes, offset + 1, 2)) / 65536.0;
  }
}

Sense decode_fixed(SenseBytes bytes) {
  Sense sense{.understood = bytes.size() > 2, .deferred = (bytes[0] & 0x7f) == 0x71};
  sense.key = static_cast<SenseKey>(at(bytes, 2) & 0x0f);
  decode_flags(sense, at(bytes, 2));
  if ((bytes[0] & 0x80) != 0 && bytes.size() >= 7) {
    sense.information = static_cast<std::int32_t>(big_endian(bytes, 3, 4));
  }
  // Byte 7 says how much follows; a target that sends more than it says means nothing by it.
  const std::size_t said = bytes.size() > 7 ? std::size_t{8} + bytes[7] : bytes.size();
  const SenseBytes valid = bytes.first(std::min(said, bytes.size()));
  sense.asc = at(valid, 12);
  sense.ascq = at(valid, 13);
  decode_progress(sense, valid, 15);
  return sense;
}

void decode_descriptor(Sense& sense, SenseBytes descriptor) {
  switch (descriptor[0]) {
    case 0x00:  // Information.
      if (descriptor.size() >= 12 && (descriptor[2] & 0x80) != 0) {
        sense.information = static_cast<std::int64_t>(big_endian(descriptor, 4, 8));
      }
      return;
    case 0x02:  // Sense-key specific.
      decode_progress(sense, descriptor, 4);
      return;
    case 0x04:  // Stream commands.
      decode_flags(sense, at(descriptor, 3));
      return;
    default:
      return;
  }
}

Sense decode_descriptors(SenseBytes bytes) {
  Sense sense{.understood = bytes.size() > 3, .deferred = (bytes[0] & 0x7f) == 0x73};
  sense.key = static_cast<SenseKey>(at(bytes, 1) & 0x0f);
  sense.asc = at(bytes, 2);
  sense.ascq = at(bytes, 3);
  const std::size_t said = std::size_t{8} + at(bytes, 7);
  const SenseBytes valid = bytes.first(std::min(said, bytes.size()));
  std::size_t offset = 8;
  while (offset + 2 <= valid.size()) {
    const std::size_t size = std::size_t{2} + valid[offset + 1];
    if (size > valid.size() - offset) {
      break;
    }
    decode_descriptor(sense, valid.subspan(offset, size));
    offset += size;
  }
  return sense;
}

std::string hex(std::uint8_t value) {
  char text[8];
  std::snprintf(text, sizeof text, "%02Xh", value);
  return text;
}

}  // namespace

Sense decode_sense(SenseBytes bytes) {
  if (bytes.empty()) {
    return {};
  }
  switch (bytes[0] & 0x7f) {
    case 0x70:
    case 0x71:
      return decode_fixed(bytes);
    case 0x72:
    case 0x73:
      return decode_descriptors(bytes);
    default:
      return {};
  }
}

std::string_view name_of(SenseKey key) {
  static constexpr std::string_view kNames[16] = {
      "no sense",       "recovered error", "not ready",      "medium error",
      "hardware error", "illegal request", "unit attention", "data protect",
      "blank check",    "vendor specific", "copy aborted",   "aborted command",
      "reserved",       "volume overflow", "miscompare",     "completed"};
  return kNames[static_cast<std::uint8_t>(key) & 0x0f];
}

std::string to_string(const Sense& sense) {
  if (!sense.understood) {
    return "no sense data that could be understood";
  }
  char key[8];
  std::snprintf(key, sizeof key, "%Xh", static_cast<unsigned>(sense.key));
  return std::string(name_of(sense.key)) + ", " + name_of_additional(sense.asc, sense.ascq) + " (" +
         key + ", " + hex(sense.asc) + "/" + hex(sense.ascq) + ")";
}

}  // namespace mixtape::tapeio::scsi
