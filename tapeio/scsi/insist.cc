// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/insist.h"

#include <algorithm>
#include <array>
#include <thread>

#include "tapeio/error.h"
#include "tapeio/scsi/ssc_commands.h"

namespace mixtape::tapeio::scsi {
namespace {

// What a target that brought no sense with CHECK CONDITION says when asked for it.
Sense requested_sense(Transport& transport, std::chrono::milliseconds timeout) {
  constexpr std::uint8_t kAllocation = kMostSenseBytes;
  std::array<std::byte, kAllocation> answer{};
  const Reply asked = transport.execute(
      {.cdb = request_sense(kAllocation).cdb(), .in = answer, .timeout = timeout});
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

Sense sense_of(Transport& transport, const Command& command, const Reply& reply) {
  const std::size_t size = std::min(reply.sense_size, reply.sense.size());
  return size > 0 ? decode_sense({reply.sense.data(), size})
                  : requested_sense(transport, command.timeout);
}

}  // namespace

Answer insist(Transport& transport, const Command& command, const std::string& what,
              const Insistence& insistence) {
  int waits = 0;
  int attentions = 0;
  while (true) {
    const Reply reply = transport.execute(command);
    switch (reply.status) {
      case Status::good:
        return {reply, {}};
      case Status::check_condition: {
        const Sense sense = sense_of(transport, command, reply);
        if (sense.understood && sense.key == SenseKey::unit_attention) {
          if (++attentions <= insistence.most_attentions && insistence.passes_attention(sense)) {
            continue;
          }
          return {reply, sense};
        }
        const bool waits_for_it = insistence.is_getting_ready && insistence.is_getting_ready(sense);
        if (!waits_for_it || ++waits > insistence.most_waits) {
          return {reply, sense};
        }
        break;
      }
      case Status::busy:
      case Status::task_set_full:
        if (++waits > insistence.most_waits) {
          throw Error(ErrorCode::locked,
                      what + ": " + transport.name() +
                          " stays busy: wait until it is done, or look who uses it");
        }
        break;
      case Status::reservation_conflict:
        throw Error(ErrorCode::locked,
                    what + ": " + transport.name() +
                        " is reserved by another host: wait until it is released");
      default:
        throw Error(ErrorCode::io,
                    what + ": " + transport.name() + " answered with an unknown status");
    }
    std::this_thread::sleep_for(insistence.pause);
  }
}

}  // namespace mixtape::tapeio::scsi
