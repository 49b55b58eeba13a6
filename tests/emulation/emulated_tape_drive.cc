// SPDX-License-Identifier: Apache-2.0
#include "tests/emulation/emulated_tape_drive.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/tape_alerts.h"
#include "tests/emulation/emulated_drive_state.h"

// Who may do what when, which fields a command may use, and how an answer looks (SPC-5, SAM-5).

namespace mixtape::test {

using tapeio::scsi::Command;
using tapeio::scsi::Reply;
using tapeio::scsi::Status;

namespace {

// Which bits of a command descriptor block may be set; all others are reserved and must be zero.
struct CommandForm {
  std::uint8_t operation;
  std::uint8_t size;
  std::array<std::uint8_t, 16> allowed;
};

constexpr CommandForm kForms[] = {
    {0x00, 6, {0xff}},
    {0x01, 6, {0xff, 0x01}},
    {0x03, 6, {0xff, 0x01, 0, 0, 0xff}},
    {0x05, 6, {0xff}},
    {0x08, 6, {0xff, 0x03, 0xff, 0xff, 0xff}},
    {0x0a, 6, {0xff, 0x01, 0xff, 0xff, 0xff}},
    {0x10, 6, {0xff, 0x01, 0xff, 0xff, 0xff}},
    {0x11, 6, {0xff, 0x0f, 0xff, 0xff, 0xff}},
    {0x12, 6, {0xff, 0x01, 0xff, 0xff, 0xff}},
    {0x15, 6, {0xff, 0x11, 0, 0, 0xff}},
    {0x16, 6, {0xff}},
    {0x17, 6, {0xff}},
    {0x1a, 6, {0xff, 0x08, 0xff, 0xff, 0xff}},
    {0x1b, 6, {0xff, 0x01, 0, 0, 0x0f}},
    {0x1e, 6, {0xff, 0, 0, 0, 0x03}},
    {0x2b, 10, {0xff, 0x07, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff}},
    {0x34, 10, {0xff, 0x1f, 0, 0, 0, 0, 0, 0xff, 0xff}},
    {0x4d, 10, {0xff, 0x01, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff}},
    {0x55, 10, {0xff, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff}},
    {0x5a, 10, {0xff, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff}},
    {0x5f, 10, {0xff, 0x1f, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff}},
    {0x82, 16, {0xff, 0, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {0x8c, 16, {0xff, 0x1f, 0, 0, 0, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
    {0x8d, 16, {0xff, 0x01, 0, 0, 0, 0xff, 0, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff}},
    {0x91, 16, {0xff, 0x0f, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {0x92, 16, {0xff, 0x1b, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {0xa3, 12, {0xff, 0x9f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07}},
    {0xa4, 12, {0xff, 0x1f, 0x07, 0x07, 0, 0, 0xff, 0xff, 0xff, 0xff}},
};

const CommandForm* form_of(std::uint8_t operation) {
  const auto* const found =
      std::find_if(std::begin(kForms), std::end(kForms),
                   [&](const CommandForm& form) { return form.operation == operation; });
  return found == std::end(kForms) ? nullptr : found;
}

// Answered whatever the state of the drive and whoever asks.
bool is_always_answered(std::uint8_t operation) {
  return operation == 0x12 || operation == 0x03;
}

}  // namespace

std::uint64_t Call::field(std::size_t offset, std::size_t size) const {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | cdb[offset + i];
  }
  return value;
}

void Call::answer(ByteView data, std::size_t allocation) {
  transferred = std::min({data.size(), allocation, in.size()});
  std::copy_n(data.begin(), transferred, in.begin());
}

EmulatedTapeDrive::State::State(EmulatedTapeDriveOptions chosen) : options(std::move(chosen)) {
  if (options.like_tgt) {
    // What the rig's description says is not there; the rest of its shape is in the handlers.
    options.lacking.insert({0x2b, 0x92, 0x4d, 0x55, 0x16, 0x17, 0x5f, 0x8c, 0x8d, 0x91, 0x82});
  }
}

void EmulatedTapeDrive::State::attention(std::uint8_t asc, std::uint8_t ascq,
                                         std::optional<int> but) {
  for (auto& [id, nexus] : nexuses) {
    if (id != but) {
      nexus.attentions.emplace_back(asc, ascq);
    }
  }
}

void EmulatedTapeDrive::State::raise(std::uint8_t flag) {
  alerts.insert(flag);
  unread_alerts.insert(flag);
}

void EmulatedTapeDrive::State::insert(std::shared_ptr<EmulatedCartridge> with) {
  cartridge = std::move(with);
  is_threaded = true;
  head = 0;
  was_warned_early = false;
  polls_left = std::exchange(cartridge->options.initialisation_polls, 0);
  ++cartridge->loads;
  attention(0x28, 0x00);
}

Reply EmulatedTapeDrive::State::checked(const Check& check) const {
  Reply reply{.status = Status::check_condition};
  const std::uint8_t flags =
      static_cast<std::uint8_t>((check.filemark ? 0x80 : 0) | (check.end_of_medium ? 0x40 : 0) |
                                (check.incorrect_length ? 0x20 : 0));
  Bytes sense;
  if (options.descriptor_sense) {
    append_number(sense, 4,
                  std::uint64_t{0x72} << 24 | std::uint64_t{check.key} << 16 |
                      std::uint64_t{check.asc} << 8 | check.ascq);
    append_number(sense, 4, check.information ? 4 + 12 : 4);
    append_number(sense, 4, 0x04020000 | flags);
    if (check.information) {
      append_number(sense, 4, 0x000a8000);
      append_number(sense, 8, static_cast<std::uint64_t>(*check.information));
    }
  } else {
    append_number(sense, 3,
                  std::uint64_t{check.information ? 0xf0u : 0x70u} << 16 | (flags | check.key));
    append_number(sense, 4, static_cast<std::uint32_t>(check.information.value_or(0)));
    append_number(sense, 5, std::uint64_t{10} << 32);
    append_number(sense, 2, std::uint64_t{check.asc} << 8 | check.ascq);
    append_number(sense, 1, 0);
    append_number(sense, 3, check.progress ? 0x800000u | *check.progress : 0u);
  }
  reply.sense_size = sense.size();
  std::transform(sense.begin(), sense.end(), reply.sense.begin(),
                 [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  return reply;
}

void EmulatedTapeDrive::State::check_fields(const Call& call) const {
  const std::uint8_t operation = call.cdb[0];
  const CommandForm* form = form_of(operation);
  if (form == nullptr || options.lacking.contains(operation)) {
    throw kUnknownCommand;
  }
  const auto action = static_cast<std::uint16_t>(operation << 8 | (call.cdb[1] & 0x1f));
  if (options.lacking_actions.contains(action) || form->size != call.cdb.size()) {
    throw kInvalidField;
  }
  for (std::size_t i = 0; i < form->size; ++i) {
    if ((call.cdb[i] & ~form->allowed[i]) != 0) {
      throw kInvalidField;
    }
  }
}

bool EmulatedTapeDrive::State::conflicts(const Call& call) const {
  const std::uint8_t operation = call.cdb[0];
  const bool is_release = operation == 0x17 || operation == 0x5f;
  if (is_always_answered(operation) || is_release) {
    return false;
  }
  return (simple_holder && *simple_holder != call.nexus) ||
         (persistent_holder && *persistent_holder != call.nexus);
}

std::optional<Reply> EmulatedTapeDrive::State::fault_before(std::uint8_t operation,
                                                            std::optional<EmulatedFault>& after) {
  std::optional<Reply> reply;
  for (auto fault = faults.begin(); fault != faults.end();) {
    const bool counts = !fault->operation || *fault->operation == operation;
    if (!counts || fault->command-- > 0) {
      ++fault;
      continue;
    }
    EmulatedFault now = std::move(*fault);
    fault = faults.erase(fault);
    switch (now.kind) {
      case EmulatedFault::Kind::connection_lost:
        is_connection_lost = true;
        break;
      case EmulatedFault::Kind::busy:
        reply = Reply{.status = Status::busy};
        break;
      case EmulatedFault::Kind::reservation_conflict:
        reply = Reply{.status = Status::reservation_conflict};
        break;
      case EmulatedFault::Kind::reset:
        head = 0;
        block_size = 1024;
        compresses = true;
        simple_holder.reset();
        warning_megabytes = 0;
        attention(0x29, 0x00);
        break;
      case EmulatedFault::Kind::sense:
        reply = Reply{.status = Status::check_condition, .sense_size = now.sense.size()};
        std::copy(now.sense.begin(), now.sense.end(), reply->sense.begin());
        break;
      case EmulatedFault::Kind::after_effect:
        after = std::move(now);
        break;
    }
  }
  return reply;
}

Reply EmulatedTapeDrive::State::execute(const Command& command, int id) {
  const std::lock_guard lock(mutex);
  commands.push_back(command.cdb[0]);
  std::optional<EmulatedFault> after;
  const std::optional<Reply> fault = fault_before(command.cdb[0], after);
  if (is_connection_lost) {
    throw Error(ErrorCode::io, "emulated drive " + options.serial + ": the connection is lost");
  }
  if (fault) {
    return *fault;
  }
  Call call{.cdb = command.cdb, .in = command.in, .out = command.out, .nexus = id};
  Reply reply = perform(call);
  if (after) {
    reply.status = Status::check_condition;
    reply.sense_size = after->sense.size();
    std::copy(after->sense.begin(), after->sense.end(), reply.sense.begin());
  }
  return reply;
}

Reply EmulatedTapeDrive::State::perform(Call& call) {
  Reply reply;
  try {
    if (conflicts(call)) {
      return {.status = Status::reservation_conflict};
    }
    auto& attentions = nexuses[call.nexus].attentions;
    if (!is_always_answered(call.cdb[0]) && !attentions.empty()) {
      const auto [asc, ascq] = attentions.front();
      attentions.pop_front();
      throw Check{.key = 6, .asc = asc, .ascq = ascq};
    }
    check_fields(call);
    dispatch(call);
  } catch (const Check& check) {
    reply = checked(check);
  } catch (const Reply& status) {
    reply = status;
  }
  reply.transferred = call.transferred;
  if (options.loses_sense && reply.status == Status::check_condition) {
    nexuses[call.nexus].sense =
        std::exchange(reply, {.status = reply.status, .transferred = reply.transferred});
  }
  return reply;
}

void EmulatedTapeDrive::State::require_ready() {
  if (cartridge == nullptr || !is_threaded) {
    const bool is_loadable = cartridge != nullptr && options.waits_for_load;
    throw is_loadable ? Check{.key = 2, .asc = 0x04, .ascq = 0x02} : Check{.key = 2, .asc = 0x3a};
  }
  if (cartridge->options.kind == EmulatedCartridgeOptions::Kind::cleaning) {
    throw Check{.key = 2, .asc = 0x30, .ascq = 0x03};
  }
  const int age = options.generation - cartridge->options.generation;
  const int oldest_read = options.generation >= 8 ? 1 : 2;
  if (age < 0 || age > oldest_read) {
    if (!alerts.contains(tapeio::kUnsupportedFormat)) {
      raise(tapeio::kUnsupportedFormat);
    }
    throw Check{.key = 2, .asc = 0x30, .ascq = 0x00};
  }
  if (polls_left > 0) {
    --polls_left;
    throw Check{.key = 2,
                .asc = 0x04,
                .ascq = 0x07,
                .progress = static_cast<std::uint16_t>(0xffff / (polls_left + 2))};
  }
}

void EmulatedTapeDrive::State::require_writable() {
  if (options.generation - cartridge->options.generation > 1) {
    throw Check{.key = 7, .asc = 0x30, .ascq = 0x05};
  }
  if (cartridge->options.write_protected) {
    throw Check{.key = 7, .asc = 0x27};
  }
  const bool appends = head == cartridge->objects.size() || head == 0 || overwrite_at == head;
  if (options.append_only && !appends) {
    throw Check{.key = 7, .asc = 0x50, .ascq = 0x01};
  }
  overwrite_at.reset();
  const bool is_worm = cartridge->options.kind == EmulatedCartridgeOptions::Kind::worm;
  if (is_worm && head < cartridge->objects.size()) {
    throw Check{.key = 7, .asc = 0x30, .ascq = 0x0c};
  }
}

void EmulatedTapeDrive::State::dispatch(Call& call) {
  switch (call.cdb[0]) {
    case 0x03:
      return request_sense(call);
    case 0x05:
      return read_block_limits(call);
    case 0x12:
      return inquiry(call);
    case 0x15:
    case 0x55:
      return mode_select(call);
    case 0x16:
    case 0x17:
      return reserve(call);
    case 0x1a:
    case 0x5a:
      return mode_sense(call);
    case 0x1b:
      return load_unload(call);
    case 0x1e:
      nexuses[call.nexus].prevents_removal = (call.cdb[4] & 0x01) != 0;
      return;
    case 0x34:
      return read_position(call);
    case 0x4d:
      return log_sense(call);
    case 0x5f:
      return persistent_reserve_out(call);
    case 0xa3:
    case 0xa4:
      return dispatch_service(call);
    default:
      break;
  }
  require_ready();
  switch (call.cdb[0]) {
    case 0x00:
      return;
    case 0x01:
      cartridge->synchronised = cartridge->objects.size();
      head = 0;
      return;
    case 0x08:
      return read(call);
    case 0x0a:
      return write(call);
    case 0x10:
      return write_filemarks(call);
    case 0x11:
    case 0x91:
      return space(call);
    case 0x2b:
    case 0x92:
      return locate(call);
    case 0x82:
      return allow_overwrite(call);
    case 0x8c:
      return read_attribute(call);
    case 0x8d:
      return write_attribute(call);
    default:
      throw kUnknownCommand;
  }
}

void EmulatedTapeDrive::State::dispatch_service(Call& call) {
  const std::uint8_t action = call.cdb[1] & 0x1f;
  const bool is_in = call.cdb[0] == 0xa3;
  if (is_in && action == 0x0c) {
    return report_operation_codes(call);
  }
  if (options.like_tgt) {
    throw kInvalidField;
  }
  if (is_in && action == 0x1f) {
    return read_ends_of_wraps(call);
  }
  if (action == 0x1d && options.has_recommended_order) {
    return is_in ? receive_access_order(call) : generate_access_order(call);
  }
  throw kInvalidField;
}

}  // namespace mixtape::test
