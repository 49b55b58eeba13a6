// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "tapeio/scsi/sense.h"
#include "tapeio/scsi/transport.h"

// A command that is sent again until the target's answer says something about it: BUSY and getting
// ready are waited out, unit attentions that are only news are passed over. A transport may lose
// the sense of a CHECK CONDITION on its way: then the target is asked for it (REQUEST SENSE).
//
// Threads: none. Errors: throws Error{locked} for a target that stays busy or that another host has
// reserved, Error{io} for a status that means nothing; and what the transport throws.

namespace mixtape::tapeio::scsi {

struct Insistence {
  std::chrono::milliseconds pause;  // Between two tries of a target that is busy.
  int most_waits;                   // Such tries in a row.
  // Each unit attention is told once; a target that has more of them than this invents them.
  int most_attentions;
  std::function<bool(const Sense&)> passes_attention;       // True: it is only news.
  std::function<bool(const Sense&)> is_getting_ready = {};  // True: it is waited for as BUSY is.
};

struct Answer {
  Reply reply;  // GOOD or CHECK CONDITION.
  Sense sense;  // Of the latter; also of what was waited for in vain, unless it was BUSY.
};

// `what` is for messages: "write record 812".
[[nodiscard]] Answer insist(Transport& transport, const Command& command, const std::string& what,
                            const Insistence& insistence);

}  // namespace mixtape::tapeio::scsi
