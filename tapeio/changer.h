// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// A robot that moves cartridges among places: what SMC calls a medium changer, and no more of it
// than moving cartridges takes.
//
// Threads:  none; a changer belongs to one thread at a time.
// Errors:   throw Error{io, not_permitted, locked, unsupported}, and as each function says.

namespace mixtape::tapeio {

struct Element {
  enum class Kind : std::uint8_t { transport = 1, slot = 2, import_export = 3, drive = 4 };
  Kind kind = Kind::slot;
  std::uint16_t address = 0;  // What move() takes; unique in its changer.
  unsigned number = 0;        // Counted from 1 within its kind, as people count.
  bool full = false;          // Holds a cartridge.
  bool accessible = true;     // The robot reaches what is in it; a loaded drive may say no.
  // Something is wrong with it and its content is not sure, with the changer's own code for why.
  bool exception = false;
  std::uint8_t exception_asc = 0, exception_ascq = 0;
  std::string barcode = {};  // Without padding; empty: unreadable, or nothing there.
  std::optional<std::uint16_t> source = std::nullopt;  // Where its cartridge was taken from.
  // A drive's own identifier, serial number last; empty unless the changer tells.
  std::string identifier = {};
};

class Changer {
 public:
  virtual ~Changer() = default;

  // For messages: "/dev/sg4".
  [[nodiscard]] virtual std::string name() const = 0;

  // What is where now, by kind and then by address. Moves nothing; may take seconds.
  [[nodiscard]] virtual std::vector<Element> elements() = 0;

  // Carries the cartridge at `from` to `to` and waits until it is there. Error{not_found}: `from`
  // is empty. Error{conflict}: `to` is full. Error{locked}: a drive or a door does not give it
  // now. After any other Error it may be in either place, or in the robot's hand: ask elements().
  virtual void move(std::uint16_t from, std::uint16_t to) = 0;
};

// "slot 3", "drive 1", "import/export 2", "the robot's hand": for people.
[[nodiscard]] std::string place_name(const Element& element);

// Whether it is a cleaning cartridge by its barcode (CLN...).
[[nodiscard]] bool is_cleaning_barcode(const std::string& barcode);

}  // namespace mixtape::tapeio
