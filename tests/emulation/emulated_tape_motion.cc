// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tests/emulation/emulated_drive_state.h"

// How the emulated head reads, writes and moves (SSC-5 clauses 4.2, 5 and 6).

namespace mixtape::test {
namespace {

constexpr Check kMediumRead{.key = 3, .asc = 0x11};
constexpr Check kMediumWrite{.key = 3, .asc = 0x0c};

std::int64_t signed_field(const Call& call, std::size_t offset, std::size_t size) {
  const std::uint64_t value = call.field(offset, size);
  const unsigned shift = static_cast<unsigned>(64 - 8 * size);
  return static_cast<std::int64_t>(value << shift) >> shift;
}

Check end_of_data(std::uint64_t remaining, bool like_tgt) {
  return {.key = 8,
          .asc = 0x00,
          .ascq = static_cast<std::uint8_t>(like_tgt ? 0x00 : 0x05),
          .end_of_medium = like_tgt,
          .information = static_cast<std::int64_t>(remaining)};
}

}  // namespace

void EmulatedTapeDrive::State::read(Call& call) {
  const bool is_fixed = (call.cdb[1] & 0x01) != 0;
  const bool suppresses = (call.cdb[1] & 0x02) != 0;
  if (is_fixed || block_size != 0) {
    throw kInvalidField;  // Only a host that forgot to ask for variable size gets here.
  }
  const std::size_t asked = call.field(2, 3);
  if (asked == 0) {
    return;
  }
  if (head >= cartridge->objects.size()) {
    throw end_of_data(asked, options.like_tgt);
  }
  const auto remaining = static_cast<std::int64_t>(asked);
  const EmulatedCartridge::Object& object = cartridge->objects[head];
  if (cartridge->options.bad_blocks.contains(head)) {
    head += options.stops_before_bad_blocks ? 0 : 1;
    ++failed_reads;
    raise(5);
    Check check = kMediumRead;
    check.information = remaining;
    throw check;
  }
  ++head;
  if (object.is_filemark) {
    throw Check{.ascq = 0x01, .filemark = true, .information = remaining};
  }
  const std::size_t size = object.bytes.size();
  const std::size_t moved = std::min({asked, size, call.in.size()});
  std::copy_n(object.bytes.begin(), moved, call.in.begin());
  call.transferred = moved;
  cartridge->bytes_read_ever += moved;
  if (options.like_tgt && size < asked) {
    // It takes the size for the shortfall and sends so many bytes less than were asked for.
    const std::size_t sent = std::min(asked - size, call.in.size());
    std::fill(call.in.begin() + static_cast<std::ptrdiff_t>(std::min(sent, moved)),
              call.in.begin() + static_cast<std::ptrdiff_t>(std::max(sent, moved)),
              std::byte{0xee});
    call.transferred = sent;
  }
  if (size != asked && !(suppresses && size < asked)) {
    throw Check{.incorrect_length = true,
                .information = remaining - static_cast<std::int64_t>(size)};
  }
}

void EmulatedTapeDrive::State::warn_of_end() {
  const std::uint64_t capacity = cartridge->options.capacity_bytes;
  const std::uint64_t used = cartridge->used_bytes();
  if (used + cartridge->options.early_warning_bytes >= capacity) {
    throw Check{.ascq = static_cast<std::uint8_t>(options.like_tgt ? 0x00 : 0x02),
                .end_of_medium = true,
                .information = 0};
  }
  const std::uint64_t zone = std::uint64_t{warning_megabytes} * 1'000'000;
  const bool is_in_zone = zone > 0 && used + zone >= capacity;
  if (is_in_zone && !std::exchange(was_warned_early, true)) {
    throw Check{.ascq = 0x07};
  }
  was_warned_early = is_in_zone;
}

void EmulatedTapeDrive::State::write(Call& call) {
  const std::size_t size = call.field(2, 3);
  if ((call.cdb[1] & 0x01) != 0 || block_size != 0 || call.out.size() != size) {
    throw kInvalidField;
  }
  if (options.largest_block > 0 && size > options.largest_block) {
    throw kInvalidField;
  }
  require_writable();
  if (size == 0) {
    return;
  }
  const auto remaining = static_cast<std::int64_t>(size);
  if (cartridge->options.bad_writes.contains(head)) {
    ++failed_writes;
    raise(6);
    Check check = kMediumWrite;
    check.information = remaining;
    throw check;
  }
  const bool fits =
      cartridge->used_before(head) + size <= cartridge->options.capacity_bytes || options.like_tgt;
  if (!fits) {
    throw Check{.key = 0xd, .ascq = 0x02, .end_of_medium = true, .information = remaining};
  }
  cartridge->truncate(head);
  cartridge->append({.bytes = Bytes(call.out.begin(), call.out.end())});
  ++head;
  call.transferred = size;
  cartridge->bytes_written_ever += size;
  warn_of_end();
}

void EmulatedTapeDrive::State::write_filemarks(Call& call) {
  require_writable();
  const bool is_immediate = (call.cdb[1] & 0x01) != 0;
  const std::uint64_t count = call.field(2, 3);
  const std::uint64_t room =
      cartridge->options.capacity_bytes +
      EmulatedCartridge::kFilemarksBehindEnd * EmulatedCartridge::kFilemarkBytes;
  for (std::uint64_t done = 0; done < count; ++done) {
    if (cartridge->used_before(head) + EmulatedCartridge::kFilemarkBytes > room) {
      throw Check{.key = 0xd,
                  .ascq = 0x02,
                  .end_of_medium = true,
                  .information = static_cast<std::int64_t>(count - done)};
    }
    cartridge->truncate(head);
    cartridge->append({.is_filemark = true});
    ++head;
  }
  if (!is_immediate) {
    cartridge->synchronised = cartridge->objects.size();
  }
  if (!options.like_tgt) {
    warn_of_end();
  }
}

void EmulatedTapeDrive::State::space(Call& call) {
  const bool is_long = call.cdb.size() == 16;
  const std::int64_t count = is_long ? signed_field(call, 4, 8) : signed_field(call, 2, 3);
  if (is_long && call.field(12, 2) != 0) {
    throw kInvalidField;
  }
  cartridge->synchronised = cartridge->objects.size();
  switch (call.cdb[1] & 0x0f) {
    case 0:
      return space_blocks(count);
    case 1:
      return space_filemarks(count);
    case 3:
      head = cartridge->objects.size();
      return;
    default:
      throw kInvalidField;
  }
}

void EmulatedTapeDrive::State::space_blocks(std::int64_t count) {
  const std::vector<EmulatedCartridge::Object>& objects = cartridge->objects;
  for (; count > 0; --count) {
    if (head >= objects.size()) {
      throw end_of_data(static_cast<std::uint64_t>(count), options.like_tgt);
    }
    if (objects[head++].is_filemark && !options.like_tgt) {
      throw Check{.ascq = 0x01, .filemark = true, .information = count};
    }
  }
  for (; count < 0; ++count) {
    if (head == 0) {
      throw Check{.ascq = 0x04, .end_of_medium = true, .information = -count};
    }
    if (objects[--head].is_filemark && !options.like_tgt) {
      throw Check{.ascq = 0x01, .filemark = true, .information = -count};
    }
  }
}

void EmulatedTapeDrive::State::space_filemarks(std::int64_t count) {
  const std::vector<EmulatedCartridge::Object>& objects = cartridge->objects;
  while (count > 0) {
    if (head >= objects.size()) {
      if (options.like_tgt) {
        throw Check{.ascq = 0x05};
      }
      throw end_of_data(static_cast<std::uint64_t>(count), false);
    }
    count -= objects[head++].is_filemark ? 1 : 0;
  }
  const bool is_off_by_one = options.like_tgt && count < 0 && head > 0 && head < objects.size() &&
                             objects[head].is_filemark;
  while (count < 0) {
    if (head == 0) {
      throw Check{.ascq = 0x04, .end_of_medium = true, .information = -count};
    }
    count += objects[--head].is_filemark ? 1 : 0;
  }
  head -= is_off_by_one && head > 0 ? 1 : 0;
}

void EmulatedTapeDrive::State::locate(Call& call) {
  const bool is_long = call.cdb.size() == 16;
  const std::uint64_t block = is_long ? call.field(4, 8) : call.field(3, 4);
  const std::uint8_t partition = is_long ? call.cdb[3] : call.cdb[8];
  const std::uint8_t kind = is_long ? call.cdb[1] >> 3 & 0x03 : call.cdb[1] >> 2 & 0x01;
  if (partition != 0 || kind != 0) {
    throw kInvalidField;
  }
  cartridge->synchronised = cartridge->objects.size();
  head = std::min<std::uint64_t>(block, cartridge->objects.size());
  if (head != block) {
    throw end_of_data(0, false);
  }
}

void EmulatedTapeDrive::State::read_position(Call& call) {
  const std::uint8_t form = call.cdb[1] & 0x1f;
  const std::uint64_t allocation = call.field(7, 2);
  if ((form != 0 && form != 6 && form != 8) || (form == 8) != (allocation != 0)) {
    throw kInvalidField;
  }
  const std::size_t size = form == 0 ? 20 : 32;
  Bytes data(size);
  if (options.like_tgt) {
    data[0] = static_cast<std::byte>(size);
    return call.answer(data, size);
  }
  require_ready();
  const bool is_warned = cartridge->used_before(head) + cartridge->options.early_warning_bytes >=
                         cartridge->options.capacity_bytes;
  data[0] = static_cast<std::byte>((head == 0 ? 0x80 : 0) | (is_warned ? 0x40 : 0));
  if (form == 0) {
    store_big_endian(data.data() + 4, static_cast<std::uint32_t>(head));
    store_big_endian(data.data() + 8, static_cast<std::uint32_t>(head));
  } else {
    store_big_endian(data.data() + 8, std::uint64_t{head});
  }
  if (form == 6) {
    store_big_endian(data.data() + 16, cartridge->filemarks_before(head));
  } else if (form == 8) {
    store_big_endian(data.data() + 2, std::uint16_t{0x1c});
    store_big_endian(data.data() + 16, std::uint64_t{head});
  }
  call.answer(data, form == 8 ? allocation : size);
}

void EmulatedTapeDrive::State::load_unload(Call& call) {
  const bool loads = (call.cdb[4] & 0x01) != 0;
  const bool holds = (call.cdb[4] & 0x08) != 0;
  const bool to_the_end = (call.cdb[4] & 0x04) != 0;
  if (to_the_end || holds) {
    throw kInvalidField;
  }
  if (cartridge == nullptr) {
    throw Check{.key = 2, .asc = 0x3a};
  }
  if (loads) {
    if (!is_threaded) {
      insert(cartridge);
      // Who asked for it knows.
      nexuses[call.nexus].attentions.pop_back();
    }
    head = 0;
    return;
  }
  const bool is_locked = std::any_of(nexuses.begin(), nexuses.end(), [](const auto& nexus) {
    return nexus.second.prevents_removal;
  });
  if (is_locked) {
    throw Check{.key = 5, .asc = 0x53, .ascq = 0x02};
  }
  if (options.like_tgt) {
    return;
  }
  cartridge->synchronised = cartridge->objects.size();
  is_threaded = false;
  head = 0;
}

}  // namespace mixtape::test
