// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/dir_library.h"
#include "tapeio/lent_drive.h"
#include "tapeio/library.h"
#include "tapeio/lto/sim_drive.h"
#include "tapeio/lto/sim_options.h"
#include "tapeio/lto/sim_places.h"

// A simulated LTO library: "sim:/path,..." is a directory whose cartridges are media as
// docs/media.md has them, with drives of a generation, a robot that needs its time, and slots.
//
// A cartridge is of the generation that its barcode says, and of the library's when it says none.
// What its chip remembers, and what may be wrong with it, stands in its directory
// (cartridge_chip.h). Cleaning cartridges (CLN...) are no media.
//
// A drive keeps its cartridge when it is handed back, until another one is wanted or it is
// unloaded, also from one program to the next, which finds it rewound. Where the cartridges are
// stands in /path/places.txt, how long the drives work since they were cleaned in
// /path/drives.txt. What the drives did is appended to /path/trace.txt.
//
// Simulated times are modelled: docs/simulator.md says after which figures.
//
// The first load of an LTO-9 cartridge takes its time behind the load proper; who waits for it is
// told how far it is, and may leave: then the cartridge is measured by the load after that.
//
// Threads: internally synchronised. load() and what moves cartridges takes the modelled time where
//          the clock is not virtual; others are not held up meanwhile.
// Errors:  as Library and CartridgeMover.

namespace mixtape::tapeio::lto {

class SimLibrary final : public Library, public CartridgeMover {
 public:
  // Error{not_found} when there is no such directory.
  explicit SimLibrary(SimLibraryOptions options);

  [[nodiscard]] std::string url() const override {
    return "sim:" + (options_.text.empty() ? options_.path : options_.text);
  }
  [[nodiscard]] std::vector<MediumSlot> media() override;
  // `capacity_bytes` is nominal, as printed on the cartridge; the real one differs by label. More
  // than a cartridge of the generation has at this scale is taken as that. The new one is put into
  // a free slot: Error{no_space} when there is none.
  void add_medium(std::string_view label, std::uint64_t capacity_bytes) override;
  // Error{locked} when the cartridge, or every drive, is in use. What the drive cannot use came
  // back out: Error{unsupported} for another generation, and for a cleaning cartridge, with which
  // the drive has cleaned itself. Error{write_protected} for writing to a generation that it only
  // reads.
  using Library::load;
  [[nodiscard]] std::unique_ptr<TapeDrive> load(std::string_view label, Access access,
                                                const LoadWatch& watch) override;
  [[nodiscard]] CartridgeMover* mover() override { return this; }
  [[nodiscard]] std::string drive_report() override;

  [[nodiscard]] std::vector<DriveSlot> drives() override;
  [[nodiscard]] std::vector<CleaningCartridge> cleaning_cartridges() override;
  void unload(std::string_view label) override;
  std::string export_medium(std::string_view label) override;
  void clean(std::string_view drive_name) override;
  [[nodiscard]] std::vector<MediumReport> take_reports() override;

  // Of all drives together since the library was opened, or of one; Error{not_found}.
  [[nodiscard]] SimReport report() const;
  [[nodiscard]] SimReport report(std::string_view drive_name) const;
  // The clock of one drive, for as long as the library lives.
  [[nodiscard]] ModelledTime& clock(std::string_view drive_name);
  [[nodiscard]] const SimLibraryOptions& options() const { return options_; }

 private:
  // A cartridge carried between a slot and a drive: a small library, as users report it.
  static constexpr double kRobotSeconds = 10;

  struct Bay {
    std::unique_ptr<DriveModel> model;
    std::string label;  // Of the cartridge in it; empty: none. Guarded by mutex_, as all below.
    bool in_use = false;
    bool was_left = false;  // An earlier program put it in, and the model has not heard of it yet.
    std::uint64_t last_use = 0;
  };
  [[nodiscard]] std::vector<std::string> labels_locked();
  void require_known_locked(std::string_view label, const char* operation);
  [[nodiscard]] Bay* bay_with_locked(std::string_view label);
  [[nodiscard]] Bay& bay_named(std::string_view drive_name) const;
  [[nodiscard]] Bay& reserve(std::string_view label);
  void give_back(Bay& bay) noexcept;
  void keep(const std::string& label, const DriveReport& report);
  void empty(Bay& bay);
  void take_up_what_was_left(Bay& bay);
  void clear_locked(Bay& bay) noexcept;
  [[nodiscard]] Cartridge& cartridge_locked(std::string_view label, const CartridgeChip& chip,
                                            TapeMap map);
  void fill(Bay& bay, std::string_view label, TapeDrive& medium_drive);
  void keep_chip(Bay& bay) noexcept;
  // Into the drive for so long, and out again: it does not stay.
  void show_to(Bay& bay, std::string_view label, std::string_view operation, double seconds);
  void clean_with(Bay& bay, std::string_view label, CartridgeChip& chip);
  void report_refused(const Bay& bay, std::string_view label);
  void require_usable(Bay& bay, std::string_view label, Access access);
  [[nodiscard]] std::string cleaning_cartridge_locked(const std::string& attempt);
  [[nodiscard]] std::string directory_of(std::string_view label) const;
  [[nodiscard]] std::string uses_file() const;
  [[nodiscard]] CartridgeChip new_chip(std::string_view label) const;
  [[nodiscard]] CartridgeChip chip_of(std::string_view label) const;

  const SimLibraryOptions options_;
  RealHostTime real_host_time_;
  SimTrace trace_;
  DirLibrary media_;
  std::vector<std::unique_ptr<Bay>> bays_;
  mutable std::mutex mutex_;
  SimPlaces places_;                                                           // Guarded by mutex_.
  std::map<std::string, std::unique_ptr<Cartridge>, std::less<>> cartridges_;  // Guarded by mutex_.
  DriveUses uses_of_drives_;                                                   // Guarded by mutex_.
  std::uint64_t uses_ = 0;                                                     // Guarded by mutex_.
  KeptReports reports_;                                                        // Guarded by mutex_.
};

}  // namespace mixtape::tapeio::lto
