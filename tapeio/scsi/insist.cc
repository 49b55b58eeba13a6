// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/insist.h"

#include <algorithm>
#include <thread>

#include "tapeio/error.h"

namespace mixtape::tapeio::scsi {
namespace {

Sense sense_of(const Reply& reply) {
  return decode_sense(std::span(reply.sense).first(std::min(reply.sense_size, reply.sense.size())));
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
        const Sense sense = sense_of(reply);
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
