// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tapeio/scsi/sense.h"
#include "tapeio/scsi/ssc_commands.h"
#include "tapeio/scsi/transport.h"

// Commands to one drive, with what is mere news dealt with: BUSY is waited out, unit attentions
// that change nothing are passed over, a reservation of another host becomes an Error.
//
// Threads: none. Errors: throws Error{io, no_medium, locked, ...} as below and as the transport.

namespace mixtape::tapeio::scsi {

struct Outcome {
  bool good = false;
  Sense sense = {};  // Unless good.
  std::size_t transferred = 0;

  // The drive does not know this command at all (20/00), or not this form of it (24/00, 26/xx).
  [[nodiscard]] bool is_unsupported() const {
    return !good && sense.key == SenseKey::illegal_request &&
           (sense.asc == 0x20 || sense.asc == 0x24 || sense.asc == 0x26);
  }
};

class DriveLink {
 public:
  // `pause` between two tries of a drive that is busy or getting ready.
  DriveLink(std::unique_ptr<Transport> transport, std::chrono::milliseconds pause);

  // Carries out one command. `what` is for messages: "write record 812". A CHECK CONDITION is a
  // result, but for a unit attention that says
  // - that another cartridge may be there: Error{no_medium}, and `lost()` says so from now on;
  //   commands that need no medium are repeated instead.
  // - that the drive was reset: commands that do not depend on where the head stands are repeated;
  //   others only when `still_there` says that it stands where it should, else Error{io}.
  Outcome run(const std::string& what, const SscCommand& command, MutableBytes in = {},
              ByteView out = {});
  // The same, and throws what the sense means unless it was carried out. Returns bytes transferred.
  std::size_t must(const std::string& what, const SscCommand& command, MutableBytes in = {},
                   ByteView out = {});
  // The same, and no Error either: for what is nice to have, and for destructors.
  std::optional<Outcome> attempt(const SscCommand& command, MutableBytes in = {},
                                 ByteView out = {}) noexcept;
  // The data of a command, as much as came; empty when it was refused.
  [[nodiscard]] Bytes ask(const std::string& what, const SscCommand& command, std::size_t most);

  [[noreturn]] void fail(const std::string& what, const Sense& sense) const;

  // Why the head's position means nothing any more; empty while it does.
  [[nodiscard]] const std::string& lost() const { return lost_; }
  [[nodiscard]] ErrorCode lost_code() const { return lost_code_; }
  void lose_position(ErrorCode code, std::string why);
  void regain_position() { lost_.clear(); }

  void pause() const;
  void ask_on_reset(std::function<bool()> still_there) { still_there_ = std::move(still_there); }
  [[nodiscard]] Transport& transport() const { return *transport_; }

 private:
  // True: try the command again.
  bool passes_attention(const std::string& what, const SscCommand& command, const Sense& sense);

  std::unique_ptr<Transport> transport_;
  std::chrono::milliseconds pause_;
  std::function<bool()> still_there_;
  std::string lost_;
  ErrorCode lost_code_ = ErrorCode::io;
};

}  // namespace mixtape::tapeio::scsi
