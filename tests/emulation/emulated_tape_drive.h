// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tapeio/scsi/transport.h"
#include "tests/emulation/emulated_cartridge.h"

// An LTO drive command by command, behind the SCSI transport: written from SSC-5 and SPC-5, not
// from our own command builders, and strict about every field of a command, so that it can judge.
//
// Threads:  every method may be called from any thread; commands are carried out one by one.
// Lifetime: transports may outlive the drive object: they share its state.

namespace mixtape::test {

// What this drive is, lacks and gets wrong.
struct EmulatedTapeDriveOptions {
  std::string vendor = "IBM";
  std::string product = "ULT3580-TD8";
  std::string revision = "N9M1";
  std::string serial = "YX10000001";
  int generation = 8;
  bool has_recommended_order = true;  // RAO: LTO-9 of full height and later.
  std::size_t most_ranges = 100;
  // Operation codes answered with ILLEGAL REQUEST 20/00, and service actions (code << 8 | action)
  // and log or mode pages answered with 24/00.
  std::set<std::uint8_t> lacking = {};
  std::set<std::uint16_t> lacking_actions = {};
  std::set<std::uint8_t> lacking_log_pages = {};
  bool has_programmable_early_warning = true;
  bool descriptor_sense = false;
  // As tgt 1.0.85 is: READ POSITION of zeros with BPU, SPACE over blocks that does not stop at a
  // filemark, SPACE backward over filemarks off by one, short reads cut, EOM at the end of data,
  // no hard end and plain GOOD for filemarks behind early warning.
  bool like_tgt = false;
  // Where the head stands after a record that cannot be read; the standard leaves it open.
  bool stops_before_bad_blocks = false;
  // A cartridge that was put in has to be loaded by command.
  bool waits_for_load = false;
  std::size_t most_data = 16 * MiB - 1;
  std::uint32_t largest_block =
      8 * MiB;                   // READ BLOCK LIMITS; larger ones are refused. 0: no limit.
  std::uint8_t granularity = 0;  // Told, and not kept to.
  // The wire loses sense data: CHECK CONDITION comes without, and REQUEST SENSE has to ask for it.
  bool loses_sense = false;
  // Writes only behind the end of data, unless ALLOW OVERWRITE said that it is meant.
  bool append_only = false;
};

struct EmulatedFault {
  enum class Kind {
    connection_lost,       // Throws Error{io}; every later command too.
    busy,                  // Status BUSY, once.
    reservation_conflict,  // Once.
    reset,                 // Unit attention 29/00 and the head at the beginning.
    sense,                 // CHECK CONDITION with `sense`; nothing is done.
    after_effect,          // The command is carried out, then `sense` is answered.
  };
  Kind kind = Kind::busy;
  std::uint64_t command = 0;  // The nth command from now, from 0 ...
  std::optional<std::uint8_t> operation =
      std::nullopt;  // ... counting only those of this operation code.
  std::vector<std::uint8_t> sense = {};
};

class EmulatedTapeDrive {
 public:
  explicit EmulatedTapeDrive(EmulatedTapeDriveOptions options = {});
  ~EmulatedTapeDrive();
  EmulatedTapeDrive(const EmulatedTapeDrive&) = delete;
  EmulatedTapeDrive& operator=(const EmulatedTapeDrive&) = delete;

  // A new initiator: it has its own unit attentions, reservation and TapeAlert view.
  [[nodiscard]] std::unique_ptr<tapeio::scsi::Transport> connect();

  // As a human or a robot does it. Insert: loaded and rewound, unit attention 28/00 for everyone;
  // false when a cartridge is in already. Remove: nullptr when there is none, or the door is
  // locked (unless `by_force`).
  bool insert(std::shared_ptr<EmulatedCartridge> cartridge);
  [[nodiscard]] std::shared_ptr<EmulatedCartridge> remove(bool by_force = false);
  [[nodiscard]] std::shared_ptr<EmulatedCartridge> cartridge() const;
  // Whether the tape was unloaded (SSC UNLOAD) and a robot may take the cartridge.
  [[nodiscard]] bool is_unloaded() const;
  [[nodiscard]] bool is_door_locked() const;
  [[nodiscard]] bool is_reserved() const;
  // The programmed early warning (mode page 10h/01h); 0: none.
  [[nodiscard]] std::uint16_t warning_megabytes() const;
  [[nodiscard]] std::string serial() const;

  void plan(EmulatedFault fault);
  // Operation codes of the commands since the last call.
  [[nodiscard]] std::vector<std::uint8_t> take_commands();
  void raise_alert(std::uint8_t flag);
  // Everything that was not synchronised is gone; everyone sees a reset.
  void cut_power();
  [[nodiscard]] bool compresses() const;
  [[nodiscard]] bool is_buffered() const;

 private:
  class Connection;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mixtape::test
