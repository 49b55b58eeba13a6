// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "tests/emulation/emulated_drive_state.h"

// Inquiry, modes, logs, the chip and the list of commands of the emulated drive (SPC-5 and SSC-5).

namespace mixtape::test {

using tapeio::scsi::Reply;

namespace {

constexpr std::uint8_t kDensities[] = {0x58, 0x5a, 0x5c, 0x5e, 0x60, 0x62};  // LTO-5 to LTO-10.

void append_text(Bytes& to, const std::string& text, std::size_t size, char padding = ' ') {
  for (std::size_t i = 0; i < size; ++i) {
    to.push_back(static_cast<std::byte>(i < text.size() ? text[i] : padding));
  }
}

void append_log(Bytes& to, std::uint16_t code, std::size_t size, std::uint64_t value) {
  append_number(to, 2, code);
  append_number(to, 1, 0x03);
  append_number(to, 1, size);
  append_number(to, size, value);
}

struct HostForm {
  std::uint16_t id;
  std::uint8_t format;
  std::size_t size;
};
constexpr HostForm kHostForms[] = {{0x0800, 1, 8},   {0x0801, 1, 32}, {0x0802, 1, 8},
                                   {0x0803, 2, 160}, {0x0804, 1, 12}, {0x0805, 0, 1},
                                   {0x0806, 1, 32},  {0x0807, 2, 80}, {0x0808, 2, 160}};

}  // namespace

void append_number(Bytes& to, std::size_t size, std::uint64_t value) {
  for (std::size_t i = size; i-- > 0;) {
    to.push_back(i < 8 ? static_cast<std::byte>(value >> (8 * i) & 0xff) : std::byte{0});
  }
}

void append_bytes(Bytes& to, ByteView bytes) {
  for (const std::byte byte : bytes) {
    to.push_back(byte);
  }
}

std::uint64_t number_in(ByteView data, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | std::to_integer<std::uint64_t>(data[offset + i]);
  }
  return value;
}

void EmulatedTapeDrive::State::inquiry(Call& call) {
  const std::size_t allocation = call.field(3, 2);
  const std::uint8_t page = call.cdb[2];
  Bytes data;
  if ((call.cdb[1] & 0x01) == 0) {
    if (page != 0) {
      throw kInvalidField;
    }
    append_number(data, 8, 0x0180060200000000u | std::uint64_t{31} << 24);
    append_text(data, options.vendor, 8);
    append_text(data, options.product, 16);
    append_text(data, options.revision, 4);
    return call.answer(data, allocation);
  }
  if (page == 0x80) {
    append_number(data, 4, 0x01800000 | options.serial.size());
    append_text(data, options.serial, options.serial.size());
  } else if (page == 0x83) {
    const std::size_t text = 8 + 16 + options.serial.size();
    append_number(data, 4, 0x01830000 | (4 + text + 4 + 8));
    append_number(data, 4, 0x02010000 | text);
    append_text(data, options.vendor, 8);
    append_text(data, options.product, 16);
    append_text(data, options.serial, options.serial.size());
    append_number(data, 4, 0x01030008);
    append_number(data, 8, 0x5000e11100000001u);
  } else {
    throw kInvalidField;
  }
  call.answer(data, allocation);
}

void EmulatedTapeDrive::State::mode_sense(Call& call) {
  const bool is_ten = call.cdb[0] == 0x5a;
  const bool has_descriptor = (call.cdb[1] & 0x08) == 0;
  const std::uint8_t page = call.cdb[2] & 0x3f;
  if ((call.cdb[2] & 0xc0) != 0 || (call.cdb[1] & 0x10) != 0) {
    throw kInvalidField;  // Current values only, and no long block descriptors.
  }
  Bytes body;
  if (has_descriptor) {
    const int generation = cartridge ? cartridge->options.generation : options.generation;
    append_number(body, 4, std::uint64_t{kDensities[std::clamp(generation, 5, 10) - 5]} << 24);
    append_number(body, 4, block_size);
  }
  const std::uint8_t subpage = call.cdb[3];
  if (page == 0x0f && subpage == 0) {
    append_number(body, 4, 0x0f0e0000 | (compresses ? 0xc000u : 0x4000u) | 0x80u);
    append_number(body, 12, 0);
  } else if (page == 0x10 && subpage == 1 && options.has_programmable_early_warning) {
    append_number(body, 6, 0x5001001c0000u);
    append_number(body, 2, warning_megabytes);
    append_number(body, 24, 0);
  } else if (page == 0x10 && subpage == 0) {
    append_number(body, 2, 0x100e);
    append_number(body, 14, 0);
  } else if (page != 0) {
    throw kInvalidField;
  }
  const bool is_protected = cartridge && cartridge->options.write_protected;
  const auto flags =
      static_cast<std::uint8_t>((is_protected ? 0x80 : 0) | (buffered_mode & 7) << 4);
  Bytes data;
  const std::uint64_t descriptor = has_descriptor ? 8 : 0;
  if (is_ten) {
    append_number(data, 2, 6 + body.size());
    append_number(data, 6, std::uint64_t{flags} << 32 | descriptor);
  } else {
    append_number(data, 1, 3 + body.size());
    append_number(data, 3, std::uint64_t{flags} << 8 | descriptor);
  }
  append_bytes(data, body);
  call.answer(data, is_ten ? call.field(7, 2) : call.cdb[4]);
}

void EmulatedTapeDrive::State::mode_select(Call& call) {
  const bool is_ten = call.cdb[0] == 0x55;
  const std::size_t size = is_ten ? call.field(7, 2) : call.cdb[4];
  const std::size_t header = is_ten ? 8 : 4;
  const bool has_pages = (call.cdb[1] & 0x10) != 0;
  if (!has_pages || call.out.size() != size || size < header) {
    throw size < header ? Check{.key = 5, .asc = 0x1a} : kInvalidField;
  }
  const ByteView list = call.out;
  const std::size_t at = is_ten ? 3 : 2;
  const std::size_t descriptor = is_ten ? number_in(list, 6, 2) : number_in(list, 3, 1);
  // The length of the list is for sensing only; the medium type and write protection as well.
  const bool is_clean = number_in(list, 0, at) == 0 && (number_in(list, at, 1) & 0x8f) == 0;
  if (!is_clean || (descriptor != 0 && descriptor != 8) || size < header + descriptor) {
    throw kInvalidParameter;
  }
  const ByteView page = list.subspan(header + descriptor);
  if (!page.empty()) {
    take_mode_page(page);
  }
  if (descriptor == 8) {
    block_size = static_cast<std::uint32_t>(number_in(list, header + 5, 3));
  }
  buffered_mode = number_in(list, at, 1) >> 4 & 7;
  call.transferred = size;
}

void EmulatedTapeDrive::State::take_mode_page(ByteView page) {
  if (page.size() >= 16 && number_in(page, 0, 2) == 0x0f0e && page.size() == 16) {
    compresses = (number_in(page, 2, 1) & 0x80) != 0;
    return;
  }
  const bool is_extension = page.size() == 32 && number_in(page, 0, 4) == 0x5001001c;
  if (is_extension && options.has_programmable_early_warning) {
    warning_megabytes = static_cast<std::uint16_t>(number_in(page, 6, 2));
    was_warned_early = false;
    return;
  }
  throw kInvalidParameter;
}

void EmulatedTapeDrive::State::log_sense(Call& call) {
  const std::uint8_t page = call.cdb[2] & 0x3f;
  const bool is_cumulative = (call.cdb[2] & 0xc0) == 0x40;
  constexpr std::array<std::uint8_t, 9> kPages = {0x00, 0x02, 0x03, 0x0c, 0x11,
                                                  0x12, 0x17, 0x2e, 0x31};
  const bool is_known = std::find(kPages.begin(), kPages.end(), page) != kPages.end();
  if (!is_cumulative || call.cdb[1] != 0 || call.cdb[3] != 0 || call.field(5, 2) != 0 ||
      !is_known || options.lacking_log_pages.contains(page)) {
    throw kInvalidField;
  }
  Bytes body;
  switch (page) {
    case 0x00:
      for (const std::uint8_t number : kPages) {
        if (!options.lacking_log_pages.contains(number)) {
          append_number(body, 1, number);
        }
      }
      break;
    case 0x02:
      append_log(body, 0x0003, 4, 0);
      append_log(body, 0x0006, 4, failed_writes);
      break;
    case 0x03:
      append_log(body, 0x0003, 4, corrected_reads);
      append_log(body, 0x0006, 4, failed_reads);
      break;
    case 0x11: {
      const bool is_dirty = alerts.contains(20) || alerts.contains(21);
      append_log(body, 0x0000, 4, is_dirty ? 0x04000000 : 0);
      break;
    }
    case 0x12: {
      std::uint64_t bits = 0;
      for (const std::uint8_t flag : alerts) {
        bits |= std::uint64_t{1} << (64 - flag);
      }
      append_log(body, 0x0000, 8, bits);
      break;
    }
    case 0x17:
      append_log(body, 0x0001, 4, cartridge ? cartridge->loads : 0);
      break;
    case 0x2e:
      for (std::uint16_t flag = 1; flag <= 64; ++flag) {
        append_log(body, flag, 1, unread_alerts.contains(static_cast<std::uint8_t>(flag)) ? 1 : 0);
      }
      unread_alerts.clear();
      break;
    case 0x31: {
      const std::uint64_t capacity = cartridge ? cartridge->options.capacity_bytes : 0;
      const std::uint64_t used = cartridge ? cartridge->used_bytes() : 0;
      append_log(body, 0x0001, 4, (capacity - std::min(used, capacity)) / MiB);
      append_log(body, 0x0002, 4, 0);
      append_log(body, 0x0003, 4, capacity / MiB);
      append_log(body, 0x0004, 4, 0);
      break;
    }
    default:
      break;
  }
  Bytes data;
  append_number(data, 2, std::uint64_t{page} << 8);
  append_number(data, 2, body.size());
  append_bytes(data, body);
  call.answer(data, call.field(7, 2));
}

void EmulatedTapeDrive::State::read_attribute(Call& call) {
  if ((call.cdb[1] & 0x1f) != 0 || call.cdb[5] != 0 || call.cdb[7] != 0) {
    throw kInvalidField;
  }
  std::map<std::uint16_t, EmulatedCartridge::Attribute> all = cartridge->memory;
  const auto number = [&](std::uint16_t id, std::size_t size, std::uint64_t value) {
    append_number(all[id].value, size, value);
  };
  const auto text = [&](std::uint16_t id, std::size_t size, const std::string& value) {
    all[id].format = 1;
    append_text(all[id].value, value, size);
  };
  const EmulatedCartridgeOptions& medium = cartridge->options;
  const std::uint64_t used = std::min(cartridge->used_bytes(), medium.capacity_bytes);
  const bool is_worm = medium.kind == EmulatedCartridgeOptions::Kind::worm;
  number(0x0000, 8, (medium.capacity_bytes - used) / MiB);
  number(0x0001, 8, medium.capacity_bytes / MiB);
  number(0x0003, 8, cartridge->loads);
  number(0x0220, 8, cartridge->bytes_written_ever / MiB);
  number(0x0221, 8, cartridge->bytes_read_ever / MiB);
  text(0x0400, 8, "EMULATED");
  text(0x0401, 32, "M" + medium.barcode);
  // Who had it loaded: this drive, and before it others, as many as there were loads.
  for (std::uint64_t load = 0; load < std::min<std::uint64_t>(cartridge->loads, 4); ++load) {
    auto& last = all[static_cast<std::uint16_t>(0x020a + load)];
    last.format = 1;
    append_text(last.value, options.vendor, 8);
    append_text(last.value, load == 0 ? options.serial : "ELSE" + std::to_string(load), 32);
  }
  number(0x0405, 1, kDensities[std::clamp(medium.generation, 5, 10) - 5]);
  number(0x0408, 1, is_worm ? 0x80 : 0x00);
  Bytes data(4);
  for (const auto& [id, attribute] : all) {
    if (id >= call.field(8, 2)) {
      append_number(data, 2, id);
      append_number(data, 1, attribute.format | (id < 0x0800 ? 0x80u : 0u));
      append_number(data, 2, attribute.value.size());
      append_bytes(data, attribute.value);
    }
  }
  store_big_endian(data.data(), static_cast<std::uint32_t>(data.size() - 4));
  call.answer(data, call.field(10, 4));
}

void EmulatedTapeDrive::State::write_attribute(Call& call) {
  const ByteView list = call.out;
  const bool is_whole = list.size() == call.field(10, 4) && list.size() >= 4 &&
                        number_in(list, 0, 4) == list.size() - 4;
  if (!is_whole || call.cdb[5] != 0 || call.cdb[7] != 0) {
    throw Check{.key = 5, .asc = 0x1a};
  }
  for (ByteView left = list.subspan(4); !left.empty();) {
    const std::uint64_t size = left.size() < 5 ? left.size() : number_in(left, 3, 2);
    if (left.size() < 5 + size) {
      throw kInvalidParameter;
    }
    const std::uint64_t id = number_in(left, 0, 2);
    const std::uint64_t format = number_in(left, 2, 1);
    const bool is_known =
        std::any_of(std::begin(kHostForms), std::end(kHostForms), [&](const HostForm& form) {
          return form.id == id && form.format == format && form.size == size;
        });
    if (!is_known) {
      throw kInvalidParameter;
    }
    const ByteView value = left.subspan(5, size);
    cartridge->memory[static_cast<std::uint16_t>(id)] = {static_cast<std::uint8_t>(format),
                                                         Bytes(value.begin(), value.end())};
    left = left.subspan(5 + size);
  }
  call.transferred = list.size();
}

void EmulatedTapeDrive::State::report_operation_codes(Call& call) {
  if (call.cdb[2] != 0 || call.field(3, 3) != 0) {
    throw kInvalidField;
  }
  struct Code {
    std::uint8_t operation;
    int action;
  };
  static constexpr Code kCodes[] = {
      {0x00, -1}, {0x01, -1}, {0x03, -1}, {0x05, -1},   {0x08, -1},   {0x0a, -1},   {0x10, -1},
      {0x11, -1}, {0x12, -1}, {0x15, -1}, {0x16, -1},   {0x17, -1},   {0x1a, -1},   {0x1b, -1},
      {0x1e, -1}, {0x2b, -1}, {0x34, 0},  {0x34, 6},    {0x34, 8},    {0x4d, -1},   {0x55, -1},
      {0x5a, -1}, {0x5f, 0},  {0x5f, 1},  {0x5f, 2},    {0x5f, 6},    {0x82, -1},   {0x8c, 0},
      {0x8d, -1}, {0x91, -1}, {0x92, -1}, {0xa3, 0x0c}, {0xa3, 0x1d}, {0xa3, 0x1f}, {0xa4, 0x1d}};
  Bytes data(4);
  for (const Code& code : kCodes) {
    const auto action = static_cast<std::uint16_t>(code.operation << 8 | std::max(code.action, 0));
    const bool is_order = code.action == 0x1d;
    const bool is_wraps = code.action == 0x1f;
    if (options.lacking.contains(code.operation) || options.lacking_actions.contains(action) ||
        (is_order && !options.has_recommended_order) ||
        ((is_order || is_wraps) && options.like_tgt)) {
      continue;
    }
    append_number(data, 2, std::uint64_t{code.operation} << 8);
    append_number(data, 2, static_cast<std::uint64_t>(std::max(code.action, 0)));
    append_number(data, 2, code.action >= 0 ? 1 : 0);
    append_number(data, 2, code.operation < 0x20 ? 6 : code.operation < 0x60 ? 10 : 16);
  }
  store_big_endian(data.data(), static_cast<std::uint32_t>(data.size() - 4));
  call.answer(data, call.field(6, 4));
}

}  // namespace mixtape::test
