// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// Where the cartridges of a simulated library are: storage slots, import/export slots, and drives;
// one in a drive keeps its slot. Kept in a small text file, so that what was exported or loaded
// stays so in the next run. A file that is lost or damaged costs nothing but the order: the
// cartridges are put into slots anew.
//
// Threads: none.
// Errors:  Error{no_space} when there is no free slot; of files when it is written.

namespace mixtape::tapeio::lto {

class SimPlaces {
 public:
  // At most `slots` storage slots; there are more if there are more cartridges.
  SimPlaces(std::string file, std::size_t slots);

  // These are the cartridges here: new ones get a slot, those that are gone lose theirs.
  void meet(const std::vector<std::string>& labels);
  // Error{no_space} when no storage slot is free.
  void require_room();
  void export_one(std::string_view label);
  // Back into a storage slot, if it was exported.
  void import_one(std::string_view label);
  [[nodiscard]] bool is_exported(std::string_view label) const;
  // Drives count from 1, too; one has one cartridge at most.
  void put_into_drive(std::string_view label, std::size_t drive);
  void take_out_of_drive(std::string_view label);
  // Empty: none.
  [[nodiscard]] std::string in_drive(std::size_t drive) const;
  // "slot 3", "import/export 1".
  [[nodiscard]] std::string place_of(std::string_view label) const;
  void save() const;

 private:
  using Numbers = std::map<std::string, std::size_t, std::less<>>;
  void load();
  const std::string file_;
  const std::size_t slots_;
  Numbers stored_, exported_;  // By label, counted from 1. A label is in one of them at most.
  Numbers loaded_;
};

}  // namespace mixtape::tapeio::lto
