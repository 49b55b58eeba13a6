// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "tapeio/library.h"

// Keeping the media: making disk media, saying where media are, moving cartridges. What counts:
// media_state.h.
//
// Errors: throws Error{not_found} for a label that neither the catalog nor a library knows,
// Error{conflict}.

namespace mixtape::service {

// Makes an empty disk medium in the library `url` (the first disk library when empty). An empty
// label becomes the next free MX number. Returns the label.
std::string add_medium(Context& context, std::string_view label, std::string_view url,
                       std::optional<std::uint64_t> capacity_bytes);

// Error{invalid} for a medium that could hold no archive beside its own texts and indexes.
void require_usable_capacity(std::uint64_t capacity_bytes);

// Writes the archaeology onto an empty medium, so that it belongs to this catalog from now on. What
// holds something else is refused by what it seems to be, unless `overwrite`: then that is lost. A
// medium that this catalog knows under any label is refused in every case. `url`: the library that
// has it; may be empty where only one drive holds a tape without a name, else Error{conflict}.
void label_medium(Context& context, std::string_view label, bool overwrite, Reporter& reporter,
                  std::string_view url = {});

// The user carried it there ("shelf B"). Empty: nobody knows where it is.
void move_medium(Context& context, std::string_view label, std::string_view location);

// What is on the medium in a drive, for people: "a tar archive", "medium MX0001 of this catalog".
// Cost and head as archive::describe_stranger.
[[nodiscard]] std::string describe_contents(Context& context, tapeio::TapeDrive& drive);

// Cartridges: into a drive; out of it, back to its slot; to where a human takes it (returns that
// place; a cleaning cartridge too); a cleaning cartridge through a drive. Error{unsupported} where
// nothing is ever moved.
void load_medium(Context& context, std::string_view label, Reporter& reporter);
void unload_medium(Context& context, std::string_view label);
std::string export_medium(Context& context, std::string_view label);
void clean_drive(Context& context, std::string_view drive);

// The drives of all libraries within reach.
struct DriveStatus {
  std::string library;
  tapeio::DriveSlot drive;
  // What it told when it was last given back, to this process or an earlier one.
  std::optional<catalog::HealthSample> health = std::nullopt;
};
[[nodiscard]] std::vector<DriveStatus> drives(Context& context);

// The cleaning cartridges of all libraries within reach.
struct CleaningStatus {
  std::string library;
  tapeio::CleaningCartridge cartridge;
};
[[nodiscard]] std::vector<CleaningStatus> cleaning_cartridges(Context& context);

}  // namespace mixtape::service
