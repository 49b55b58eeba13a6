// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tapeio/error.h"

// What a target says about a command that it did not simply carry out (SPC-5 4.4 sense data), and
// what to do about it.
//
// Threads: values only. Errors: decoding throws nothing; what is cut off or makes no sense is
// simply not there.

namespace mixtape::tapeio::scsi {

enum class SenseKey : std::uint8_t {
  no_sense = 0x0,
  recovered_error = 0x1,
  not_ready = 0x2,
  medium_error = 0x3,
  hardware_error = 0x4,
  illegal_request = 0x5,
  unit_attention = 0x6,
  data_protect = 0x7,
  blank_check = 0x8,
  vendor_specific = 0x9,
  copy_aborted = 0xa,
  aborted_command = 0xb,
  reserved = 0xc,
  volume_overflow = 0xd,
  miscompare = 0xe,
  completed = 0xf,
};

struct Sense {
  bool understood = false;  // There was sense data of a known format, as far as the key at least.
  bool deferred = false;    // About an earlier command that had been answered GOOD.
  SenseKey key = SenseKey::no_sense;
  std::uint8_t asc = 0;
  std::uint8_t ascq = 0;
  bool filemark = false;
  bool end_of_medium = false;
  bool incorrect_length = false;
  // What was asked for less what was done, in the units of the command; negative when a record
  // was larger than asked for. Only when marked as valid.
  std::optional<std::int64_t> information = std::nullopt;
  std::optional<double> progress = std::nullopt;  // 0 to 1, of something that takes its time.

  [[nodiscard]] bool is(std::uint8_t code, std::uint8_t qualifier) const {
    return asc == code && ascq == qualifier;
  }
};

// Fixed (70h, 71h) and descriptor (72h, 73h) format.
[[nodiscard]] Sense decode_sense(std::span<const std::uint8_t> bytes);

// The standard's words, lower case: "medium not present". Of an unknown pair, "additional sense
// 80h/01h" (with "vendor-specific" where it is).
[[nodiscard]] std::string_view name_of(SenseKey key);
[[nodiscard]] std::string name_of_additional(std::uint8_t asc, std::uint8_t ascq);
// "not ready, medium not present (2h, 3Ah/00h)".
[[nodiscard]] std::string to_string(const Sense& sense);

// What a caller does about a CHECK CONDITION that is none of the tape's own words (filemark, end of
// data, early warning, end of medium).
enum class Remedy {
  none,       // It was carried out all the same.
  again,      // Only news: ask again.
  wait,       // It is getting ready by itself: ask again later.
  load,       // The cartridge is there and not threaded: LOAD it.
  reset,      // The drive was reset: ask where the head is before going on.
  exchanged,  // Another cartridge may be there now: the position means nothing any more.
  allow,      // The drive only appends to this tape: ALLOW OVERWRITE at this place, then again.
  fail,       // Throw an Error with `code`.
};

struct Advice {
  Remedy remedy = Remedy::fail;
  ErrorCode code = ErrorCode::io;
  std::string_view sentence;  // What it means and what to do; no full stop at the end.
};

[[nodiscard]] Advice advice_for(const Sense& sense);

}  // namespace mixtape::tapeio::scsi
