// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tapeio/changer.h"
#include "tapeio/library.h"
#include "tapeio/tape_drive.h"

// A library of cartridges out of its parts: drives, and a robot or a human who feeds them.
//
// With a changer it is a ChangerLibrary, with none a HandFedLibrary; both keep to Library and
// CartridgeMover, and neither knows what kind of drive it has.

namespace mixtape::tapeio {

// What a drive calls about once a second while one of its functions waits until a tape is ready;
// throws to end that wait.
using WhileNotReady =
    std::function<void(const std::string& why, const std::optional<double>& progress)>;

// What a drive tells of the tape in it while it stays where it is.
struct TapeGlimpse {
  std::string label;  // What its chip says; empty: nothing.
};

struct CartridgeDrive {
  std::string device;  // For people, and what opens it: "/dev/nst0".
  // What the changer knows it by; empty: the drive is asked when it is open.
  std::string serial = {};
  // Called when the drive is first needed, and again after it failed (unplugged and back) or its
  // tape was unloaded. May throw what opening throws. A drive that waits for its tape says so to
  // the function given, for as long as it lives; one that does not wait says that there is none.
  std::function<std::unique_ptr<TapeDrive>(const WhileNotReady&)> open;
  // Looks into the drive without opening it, since opening rewinds; nullopt: there is no tape. May
  // be null; only for drives that are fed by hand.
  std::function<std::optional<TapeGlimpse>()> glimpse = {};
};

struct CartridgeLibraryOptions {
  // Nobody asks the changer, or the drive whether there is a tape, more often than this only to
  // know what is where.
  std::chrono::milliseconds look_every{1000};
  // Between two questions while something is waited for.
  std::chrono::milliseconds pause{1000};
  // From a move into the drive until it is ready. An LTO-9 cartridge that was never loaded before
  // takes up to two hours; other ones half a minute.
  std::chrono::milliseconds ready_within = std::chrono::minutes(10);
  std::chrono::milliseconds first_load_within = std::chrono::minutes(150);
  // A cartridge that is in the drive and does not get ready so long is taken out and put in again.
  std::chrono::milliseconds settle_within = std::chrono::minutes(1);
  // No drive is clean before the one, and one that is not after the other never will be.
  std::chrono::milliseconds clean_at_least{30'000};
  std::chrono::milliseconds clean_within = std::chrono::minutes(15);

  // Fed by hand only. The label that is written on the tape; nullopt: blank, or not one of ours.
  // May move the head and throw.
  std::function<std::optional<std::string>(TapeDrive&)> read_label = {};
  // Fed by hand only. Gives out an idle tape of ours when another is asked for: once per asked
  // label, so that a human who puts in the same one again is not fought.
  bool eject_for_next = true;
  // Fed by hand only. Nobody rewinds a tape, takes it out and threads another in less than this; a
  // drive that was not watched for longer is looked into again before its tape is handed over.
  std::chrono::milliseconds trust_for{20'000};
};

struct CartridgeLibraryParts {
  std::string url;                   // What the library is called.
  std::unique_ptr<Changer> changer;  // Null: a human, and then exactly one drive.
  std::vector<CartridgeDrive> drives;
  CartridgeLibraryOptions options = {};
};

// Error{invalid} for parts that make no library; what the changer throws when it is not there.
[[nodiscard]] std::unique_ptr<Library> make_cartridge_library(CartridgeLibraryParts parts);

}  // namespace mixtape::tapeio
