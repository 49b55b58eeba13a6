// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tests/emulation/emulated_drive_state.h"

// Recommended access order, ends of wraps, reservations, and what a host asks before it begins, of
// the emulated drive (SPC-5 and SSC-5).

namespace mixtape::test {

using tapeio::scsi::Reply;

void EmulatedTapeDrive::State::generate_access_order(Call& call) {
  require_ready();
  const ByteView list = call.out;
  const std::uint8_t process = call.cdb[2] & 7;
  if (process != 2 || (call.cdb[3] & 7) != 0) {
    throw kInvalidField;
  }
  const bool is_whole = list.size() == call.field(6, 4) && list.size() >= 8 &&
                        number_in(list, 4, 4) == list.size() - 8 && list.size() % 32 == 8;
  if (!is_whole || (list.size() - 8) / 32 > options.most_ranges) {
    throw Check{.key = 5, .asc = 0x1a};
  }
  access_order.clear();
  for (ByteView left = list.subspan(8); !left.empty(); left = left.subspan(32)) {
    const std::uint64_t first = number_in(left, 16, 8), last = number_in(left, 24, 8);
    if (number_in(left, 0, 2) != 0x1e || number_in(left, 2, 3) != 0 || left[15] != std::byte{0} ||
        last < first || last >= cartridge->objects.size()) {
      throw kInvalidParameter;
    }
    access_order.emplace_back(left.begin(), left.begin() + 32);
  }
  // What lies ahead of the head first, then from the beginning.
  std::stable_sort(access_order.begin(), access_order.end(), [&](const Bytes& a, const Bytes& b) {
    const std::uint64_t first_a = number_in(a, 16, 8), first_b = number_in(b, 16, 8);
    return std::pair(first_a < head, first_a) < std::pair(first_b < head, first_b);
  });
  call.transferred = list.size();
}

void EmulatedTapeDrive::State::receive_access_order(Call& call) {
  const bool is_limits = (call.cdb[1] & 0x80) != 0;
  if (call.field(2, 4) != 0 || (call.cdb[10] & 7) != 0) {
    throw kInvalidField;
  }
  Bytes data;
  if (is_limits) {
    append_number(data, 2, options.most_ranges);
    append_number(data, 2, 32);
    return call.answer(data, call.field(6, 4));
  }
  if (access_order.empty()) {
    throw Check{.key = 5, .asc = 0x2c};
  }
  append_number(data, 4, 0x02000000);
  append_number(data, 4, access_order.size() * 32);
  for (const Bytes& range : access_order) {
    append_bytes(data, range);
  }
  call.answer(data, call.field(6, 4));
}

void EmulatedTapeDrive::State::read_ends_of_wraps(Call& call) {
  require_ready();
  const bool reports_all = call.cdb[3] == 0x02;
  if (call.cdb[2] != 0x45 || !reports_all || call.field(4, 2) != 0) {
    throw kInvalidField;
  }
  std::vector<std::uint64_t> ends;
  const std::size_t count = cartridge->objects.size();
  for (std::uint64_t block = 0; block < count; ++block) {
    const std::uint64_t wrap = cartridge->used_before(block) / cartridge->options.wrap_bytes;
    ends.resize(std::max<std::size_t>(ends.size(), wrap + 1), block);
    ends[wrap] = block;
  }
  if (!ends.empty()) {
    ends.back() = count;
  }
  Bytes data;
  append_number(data, 2, 2 + ends.size() * 12);
  append_number(data, 2, 0);
  for (std::size_t wrap = 0; wrap < ends.size(); ++wrap) {
    append_number(data, 2, wrap);
    append_number(data, 4, 0);
    append_number(data, 6, ends[wrap]);
  }
  call.answer(data, call.field(6, 4));
}

void EmulatedTapeDrive::State::reserve(Call& call) {
  const tapeio::scsi::Reply conflict{.status = tapeio::scsi::Status::reservation_conflict};
  if (call.cdb[0] == 0x16) {
    if (persistent_holder || (simple_holder && *simple_holder != call.nexus)) {
      throw conflict;
    }
    simple_holder = call.nexus;
  } else if (simple_holder == call.nexus) {
    simple_holder.reset();
  }
}

void EmulatedTapeDrive::State::persistent_reserve_out(Call& call) {
  const tapeio::scsi::Reply conflict{.status = tapeio::scsi::Status::reservation_conflict};
  if (call.out.size() != 24 || call.field(5, 4) != 24) {
    throw Check{.key = 5, .asc = 0x1a};
  }
  const std::uint64_t key = number_in(call.out, 0, 8), new_key = number_in(call.out, 8, 8);
  Nexus& nexus = nexuses[call.nexus];
  const std::uint8_t action = call.cdb[1] & 0x1f;
  if (simple_holder && *simple_holder != call.nexus) {
    throw conflict;
  }
  if (action != 6 && nexus.key.value_or(0) != key) {
    throw conflict;
  }
  call.transferred = 24;
  if (action == 0 || action == 6) {
    nexus.key = new_key == 0 ? std::nullopt : std::optional(new_key);
    if (!nexus.key && persistent_holder == call.nexus) {
      persistent_holder.reset();
    }
    return;
  }
  if (!nexus.key) {
    throw conflict;
  }
  if ((action != 1 && action != 2) || call.cdb[2] != 0x03) {
    throw kInvalidField;
  }
  if (action == 2) {
    persistent_holder = persistent_holder == call.nexus ? std::nullopt : persistent_holder;
    return;
  }
  if (persistent_holder && *persistent_holder != call.nexus) {
    throw conflict;
  }
  persistent_holder = call.nexus;
}

void EmulatedTapeDrive::State::allow_overwrite(Call& call) {
  const std::uint8_t kind = call.cdb[2] & 0x0f;
  if (kind > 2 || call.cdb[3] != 0 || (kind == 1 && call.field(4, 8) != head)) {
    throw kInvalidField;
  }
  if (cartridge->options.kind == EmulatedCartridgeOptions::Kind::worm) {
    throw Check{.key = 7, .asc = 0x30, .ascq = 0x0c};
  }
  overwrite_at = kind == 1 ? std::optional(head) : std::nullopt;
}

// What the last command of this initiator had to say, once.
void EmulatedTapeDrive::State::request_sense(Call& call) {
  const Reply lost = std::exchange(nexuses[call.nexus].sense, {});
  Bytes sense;
  for (std::size_t i = 0; i < lost.sense_size; ++i) {
    sense.push_back(static_cast<std::byte>(lost.sense[i]));
  }
  if (sense.empty()) {
    append_number(sense, 8, 0x700000000000000au);
    append_number(sense, 10, 0);
  }
  call.answer(sense, call.cdb[4]);
}

void EmulatedTapeDrive::State::read_block_limits(Call& call) {
  Bytes limits;
  append_number(limits, 1, options.granularity);
  append_number(limits, 3, options.largest_block);
  append_number(limits, 2, 1);
  call.answer(limits, limits.size());
}

}  // namespace mixtape::test
