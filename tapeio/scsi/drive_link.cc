// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/drive_link.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

namespace mixtape::tapeio::scsi {
namespace {

// A minute of BUSY at the usual pause; longer than any drive needs to take a breath.
constexpr int kMostBusyTries = 60;
// Each unit attention is told once; a target that has more of them than this invents them.
constexpr int kMostAttentions = 16;

bool needs_position(std::uint8_t operation) {
  switch (operation) {
    case op::kRead6:
    case op::kWrite6:
    case op::kWriteFilemarks6:
    case op::kSpace6:
    case op::kSpace16:
      return true;
    default:
      return false;
  }
}

bool needs_medium(std::uint8_t operation) {
  switch (operation) {
    case op::kRewind:
    case op::kLocate10:
    case op::kLocate16:
    case op::kReadPosition:
    case op::kReadAttribute:
    case op::kWriteAttribute:
    case op::kMaintenanceOut:
      return true;
    default:
      return needs_position(operation);
  }
}

}  // namespace

DriveLink::DriveLink(std::unique_ptr<Transport> transport, std::chrono::milliseconds pause)
    : transport_(std::move(transport)), pause_(pause) {}

void DriveLink::pause() const {
  std::this_thread::sleep_for(pause_);
}

void DriveLink::lose_position(ErrorCode code, std::string why) {
  lost_code_ = code;
  lost_ = std::move(why);
}

Sense DriveLink::sense_of(const Reply& reply) {
  const std::size_t size = std::min(reply.sense_size, reply.sense.size());
  if (size > 0) {
    return decode_sense({reply.sense.data(), size});
  }
  constexpr std::uint8_t kAllocation = kMostSenseBytes;
  std::array<std::byte, kAllocation> answer{};
  const SscCommand command = request_sense(kAllocation);
  const Reply asked = transport_->execute(
      {.cdb = command.cdb(), .in = answer, .timeout = time_for(command.patience)});
  if (asked.status != Status::good) {
    return {};
  }
  std::array<std::uint8_t, kAllocation> bytes{};
  const std::size_t came = std::min(asked.transferred, bytes.size());
  std::transform(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(came), bytes.begin(),
                 [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  const Sense sense = decode_sense({bytes.data(), came});
  // "Nothing to say" about a command that was not carried out is no reason, and no success.
  const bool says_nothing = sense.key == SenseKey::no_sense && sense.is(0x00, 0x00) &&
                            !sense.filemark && !sense.end_of_medium && !sense.incorrect_length;
  return says_nothing ? Sense{} : sense;
}

bool DriveLink::passes_attention(const std::string& what, const SscCommand& command,
                                 const Sense& sense) {
  const Advice advice = advice_for(sense);
  switch (advice.remedy) {
    case Remedy::again:
      return true;
    case Remedy::exchanged:
      lose_position(advice.code, std::string(advice.sentence));
      if (needs_medium(command.operation())) {
        fail(what, sense);
      }
      return true;
    case Remedy::reset: {
      if (!lost_.empty()) {
        return !needs_position(command.operation());
      }
      // Set before asking: the question itself may meet the next unit attention.
      lose_position(advice.code, std::string(advice.sentence));
      const bool is_where_it_was = still_there_ && still_there_();
      if (is_where_it_was) {
        regain_position();
        return true;
      }
      if (needs_position(command.operation())) {
        fail(what, sense);
      }
      return true;
    }
    default:
      return false;
  }
}

Outcome DriveLink::run(const std::string& what, const SscCommand& command, MutableBytes in,
                       ByteView out) {
  int busy = 0;
  int attentions = 0;
  for (;;) {
    const Reply reply = transport_->execute(
        {.cdb = command.cdb(), .in = in, .out = out, .timeout = time_for(command.patience)});
    const std::size_t transferred = std::min(reply.transferred, std::max(in.size(), out.size()));
    switch (reply.status) {
      case Status::good:
        return {.good = true, .transferred = transferred};
      case Status::check_condition:
        break;
      case Status::busy:
      case Status::task_set_full:
        if (++busy > kMostBusyTries) {
          throw Error(ErrorCode::locked,
                      what + ": " + transport_->name() +
                          " stays busy: wait until it is done, or look who uses it");
        }
        pause();
        continue;
      case Status::reservation_conflict:
        throw Error(ErrorCode::locked,
                    what + ": " + transport_->name() +
                        " is reserved by another host: wait until it is released");
      default:
        throw Error(ErrorCode::io,
                    what + ": " + transport_->name() + " answered with an unknown status");
    }
    const Sense sense = sense_of(reply);
    if (sense.understood && sense.key == SenseKey::unit_attention &&
        ++attentions <= kMostAttentions && passes_attention(what, command, sense)) {
      continue;
    }
    const bool is_empty = sense.key == SenseKey::not_ready && sense.asc == 0x3a;
    if (is_empty && needs_medium(command.operation())) {
      lose_position(ErrorCode::no_medium, "the cartridge was taken out: load it again");
    }
    return {.good = false, .sense = sense, .transferred = transferred};
  }
}

std::size_t DriveLink::must(const std::string& what, const SscCommand& command, MutableBytes in,
                            ByteView out) {
  const Outcome outcome = run(what, command, in, out);
  const bool is_done = outcome.good || (outcome.sense.understood && !outcome.sense.deferred &&
                                        advice_for(outcome.sense).remedy == Remedy::none);
  if (!is_done) {
    fail(what, outcome.sense);
  }
  return outcome.transferred;
}

std::optional<Outcome> DriveLink::attempt(const SscCommand& command, MutableBytes in,
                                          ByteView out) noexcept {
  try {
    return run("attempt", command, in, out);
  } catch (const Error&) {
    return std::nullopt;
  }
}

Bytes DriveLink::ask(const std::string& what, const SscCommand& command, std::size_t most) {
  Bytes answer(most);
  const Outcome outcome = run(what, command, answer);
  answer.resize(outcome.good ? outcome.transferred : 0);
  return answer;
}

void DriveLink::fail(const std::string& what, const Sense& sense) const {
  const Advice advice = advice_for(sense);
  const char* when = sense.deferred ? ": something written before failed: " : ": ";
  throw Error(advice.code, what + when + std::string(advice.sentence) + " [" + transport_->name() +
                               ": " + to_string(sense) + "]");
}

}  // namespace mixtape::tapeio::scsi
