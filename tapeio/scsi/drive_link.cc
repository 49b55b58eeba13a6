// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/drive_link.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "tapeio/scsi/insist.h"

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
  const auto [reply, sense] = insist(
      *transport_,
      {.cdb = command.cdb(), .in = in, .out = out, .timeout = time_for(command.patience)}, what,
      {.pause = pause_,
       .most_waits = kMostBusyTries,
       .most_attentions = kMostAttentions,
       .passes_attention = [&](const Sense& news) {
         return passes_attention(what, command, news);
       }});
  const std::size_t transferred = std::min(reply.transferred, std::max(in.size(), out.size()));
  if (reply.status == Status::good) {
    return {.good = true, .transferred = transferred};
  }
  const bool is_empty = sense.key == SenseKey::not_ready && sense.asc == 0x3a;
  if (is_empty && needs_medium(command.operation())) {
    lose_position(ErrorCode::no_medium, "the cartridge was taken out: load it again");
  }
  return {.good = false, .sense = sense, .transferred = transferred};
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
