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

// A medium changer command by command, behind the SCSI transport: written from SMC-3 and SPC-5, not
// from our own command builders, and strict about every field of a command, so that it can judge.
//
// Threads:  every method may be called from any thread; commands are carried out one by one.
// Lifetime: transports may outlive the changer object: they share its state.

namespace mixtape::test {

struct EmulatedChangerOptions {
  std::string vendor = "IBM";
  std::string product = "3573-TL";
  std::string revision = "C.00";
  unsigned slots = 8, import_exports = 2, drives = 1;
  std::uint16_t first_transport = 1, first_slot = 4096, first_import_export = 769,
                first_drive = 256;
  // Operation codes answered with ILLEGAL REQUEST 20/00.
  std::set<std::uint8_t> lacking = {};
  std::set<std::uint8_t> lacking_mode_pages = {};
  bool has_barcode_reader = true;        // Else VolTag is answered with 24/00.
  bool tells_drive_identifiers = true;   // Else DVCID is answered with 24/00.
  bool moves_from_drive_to_door = true;  // Mode page 1Fh.
  bool descriptor_sense = false;
  // As tgt 1.0.85: no EXCHANGE, POSITION or PREVENT, a cartridge is taken out of a drive that still
  // has it threaded; the element status lacks its last eight bytes and says of no element that the
  // robot reaches it.
  bool like_tgt = false;
  int polls_until_ready = 0;     // Commands answered with 04/01 first.
  bool needs_inventory = false;  // READ ELEMENT STATUS fails before INITIALIZE ELEMENT STATUS.
  std::size_t vendor_bytes = 0;  // Behind each descriptor.
  std::size_t most_data = 1 * MiB;
};

// What is in a place: a cartridge and the sticker on it, which may be another's.
struct StickeredCartridge {
  std::string sticker;
  std::shared_ptr<EmulatedCartridge> cartridge;  // May be null where no drive will look into it.
};

// How the changer's hand gets at a drive.
struct EmulatedBay {
  std::string serial;
  std::function<bool(std::shared_ptr<EmulatedCartridge>)> insert;
  std::function<std::shared_ptr<EmulatedCartridge>(bool by_force)> remove;
  std::function<bool()> is_unloaded;
};

template <typename Drive>
[[nodiscard]] EmulatedBay bay_of(Drive& drive) {
  return {.serial = drive.serial(),
          .insert = [&](auto cartridge) { return drive.insert(std::move(cartridge)); },
          .remove = [&](bool by_force) { return drive.remove(by_force); },
          .is_unloaded = [&] { return drive.is_unloaded(); }};
}

struct EmulatedChangerFault {
  enum class Kind {
    connection_lost,  // Throws Error{io}; every later command too.
    busy,             // Status BUSY, once.
    sense,            // CHECK CONDITION with key, asc and ascq; nothing is done.
    jam,              // A move ends in the hand, with 04h 15/01 (mechanical positioning error).
  };
  Kind kind = Kind::busy;
  std::uint64_t command = 0;                             // The nth command from now, from 0 ...
  std::optional<std::uint8_t> operation = std::nullopt;  // ... counting only those of this code.
  std::uint8_t key = 0, asc = 0, ascq = 0;
};

class EmulatedChanger {
 public:
  // Drives without a bay take any cartridge and do nothing with it.
  explicit EmulatedChanger(EmulatedChangerOptions options = {}, std::vector<EmulatedBay> bays = {});
  ~EmulatedChanger();
  EmulatedChanger(const EmulatedChanger&) = delete;
  EmulatedChanger& operator=(const EmulatedChanger&) = delete;

  // A new initiator: its first command is answered with UNIT ATTENTION 29/00.
  [[nodiscard]] std::unique_ptr<tapeio::scsi::Transport> connect();

  [[nodiscard]] std::uint16_t slot(unsigned number) const;
  [[nodiscard]] std::uint16_t import_export(unsigned number) const;
  [[nodiscard]] std::uint16_t drive(unsigned number) const;

  // A human's hand. At the door it makes UNIT ATTENTION 28/01 for everyone.
  void put(std::uint16_t address, StickeredCartridge cartridge);
  StickeredCartridge take(std::uint16_t address);
  // The sticker of what is there; nullopt where nothing is.
  [[nodiscard]] std::optional<std::string> at(std::uint16_t address) const;
  [[nodiscard]] std::optional<std::string> in_hand() const;
  [[nodiscard]] bool is_door_locked() const;

  void plan(EmulatedChangerFault fault);
  // Operation codes of the commands since the last call.
  [[nodiscard]] std::vector<std::uint8_t> take_commands();

 private:
  class Connection;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mixtape::test
