// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "tapeio/changer.h"
#include "tapeio/error.h"
#include "tapeio/lto/sim_library.h"
#include "tapeio/tape_alerts.h"

// What simulated cartridges are besides their data, how they come into a drive and out of it, and
// which of them do not stay there.

namespace mixtape::tapeio::lto {
namespace {

// Assumed: a cleaning cartridge threads, runs once and comes out.
constexpr double kCleaningSeconds = 120;

}  // namespace

std::string SimLibrary::directory_of(std::string_view label) const {
  return options_.path + "/" + std::string(label);
}

std::string SimLibrary::uses_file() const {
  return options_.path + "/drives.txt";
}

// A directory that was made as a medium by somebody else says nothing of being a cartridge: it is
// one that was in use before.
CartridgeChip SimLibrary::chip_of(std::string_view label) const {
  CartridgeChip fresh = new_chip(label);
  fresh.is_initialised = true;
  return read_cartridge_chip(directory_of(label), fresh);
}

// Nothing but counts is lost when this fails, and nobody is there to be told.
void SimLibrary::keep_chip(Bay& bay) noexcept {
  try {
    if (Cartridge* cartridge = bay.model->cartridge()) {
      cartridge->keep(cartridge->chip);
    }
  } catch (const Error&) {
    // A directory that is write-protected keeps what it said.
  }
  try {
    const std::lock_guard lock(mutex_);
    uses_of_drives_[bay.model->options().name] = bay.model->use();
    write_drive_uses(uses_file(), uses_of_drives_);
  } catch (const Error&) {
    // See above.
  }
}

// The bay is reserved by the caller.
void SimLibrary::empty(Bay& bay) {
  std::string label;
  {
    const std::lock_guard lock(mutex_);
    label = bay.label;
  }
  if (label.empty()) {
    return;
  }
  keep_chip(bay);
  bay.model->unload();
  bay.model->be_handled("robot", label, kRobotSeconds);
  const std::lock_guard lock(mutex_);
  clear_locked(bay);
}

void SimLibrary::clear_locked(Bay& bay) noexcept {
  places_.take_out_of_drive(std::exchange(bay.label, {}));
  try {
    places_.save();
  } catch (const Error&) {
    // The next program finds it in the drive: it has it unloaded again.
  }
}

// Rewound. The bay is reserved by the caller.
void SimLibrary::take_up_what_was_left(Bay& bay) {
  std::string label;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(bay.was_left, false)) {
      return;
    }
    label = bay.label;
  }
  try {
    const std::unique_ptr<TapeDrive> medium_drive = media_.load(label, Access::read);
    const CartridgeChip chip = chip_of(label);
    TapeMap map = TapeMap::of(*medium_drive);
    const std::lock_guard lock(mutex_);
    bay.model->take_up(cartridge_locked(label, chip, std::move(map)));
  } catch (const Error&) {
    // What is wrong with it is said when it is loaded; until then it is in its slot.
    const std::lock_guard lock(mutex_);
    clear_locked(bay);
  }
}

// As it is known here, and with what is on it now.
Cartridge& SimLibrary::cartridge_locked(std::string_view label, const CartridgeChip& chip,
                                        TapeMap map) {
  std::unique_ptr<Cartridge>& known = cartridges_[std::string(label)];
  if (known == nullptr) {
    const double deviation = options_.capacity_varies ? capacity_deviation(label) : 0;
    const GenerationFigures& figures = figures_of(chip.generation);
    const double host_bytes =
        static_cast<double>(figures.native_bytes) / options_.modelled_scale() * (1 + deviation);
    known = std::make_unique<Cartridge>(
        Cartridge{std::string(label), {}, CartridgeGeometry(figures, host_bytes)});
  }
  known->map = std::move(map);
  known->chip = chip;
  known->keep = [directory = directory_of(label)](const CartridgeChip& now) {
    write_cartridge_chip(directory, now);
  };
  return *known;
}

// The bay is reserved by the caller, and empty.
void SimLibrary::fill(Bay& bay, std::string_view label, TapeDrive& medium_drive) {
  const CartridgeChip chip = chip_of(label);
  TapeMap map = TapeMap::of(medium_drive);
  Cartridge* cartridge = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto is_it = [&](const auto& each) { return each.get() == &bay; };
    const auto place = std::find_if(bays_.begin(), bays_.end(), is_it) - bays_.begin();
    places_.import_one(label);
    places_.put_into_drive(label, static_cast<std::size_t>(place) + 1);
    places_.save();
    cartridge = &cartridge_locked(label, chip, std::move(map));
    bay.label = label;
  }
  bay.model->be_handled("robot", label, kRobotSeconds);
  bay.model->load(*cartridge);
  keep_chip(bay);
}

// In drive reports as a real drive's would stand there.
void SimLibrary::report_refused(const Bay& bay, std::string_view label) {
  const DriveModelOptions& drive = bay.model->options();
  keep(std::string(label),
       {.drive = "MIXTAPE simulated " + std::string(figures_of(drive.generation).name) + " " +
                 drive.name,
        .serial = drive.name,
        .alerts = {tape_alert(kUnsupportedFormat)}});
}

void SimLibrary::show_to(Bay& bay, std::string_view label, std::string_view operation,
                         double seconds) {
  empty(bay);
  {
    const std::lock_guard lock(mutex_);
    places_.import_one(label);
    places_.save();
  }
  bay.model->be_handled("robot", label, kRobotSeconds);
  bay.model->be_handled(operation, label, seconds);
  bay.model->be_handled("robot", label, kRobotSeconds);
}

void SimLibrary::clean_with(Bay& bay, std::string_view label, CartridgeChip& chip) {
  if (chip.cleanings_left == 0) {
    show_to(bay, label, "refuse", figures_of(options_.generation).load_s);
    throw Error(ErrorCode::conflict, "clean " + bay.model->options().name + ": " +
                                         std::string(label) +
                                         " is used up and came back out; use a new cleaning "
                                         "cartridge");
  }
  show_to(bay, label, "clean", kCleaningSeconds);
  bay.model->set_use({});
  --chip.cleanings_left;
  write_cartridge_chip(directory_of(label), chip);
}

// Refuses what this drive cannot use, with what there is to do about it.
void SimLibrary::require_usable(Bay& bay, std::string_view label, Access access) {
  CartridgeChip chip = chip_of(label);
  const std::string& drive = bay.model->options().name;
  const std::string attempt = "load medium " + std::string(label) + ": ";
  if (chip.is_cleaning) {
    clean_with(bay, label, chip);
    throw Error(ErrorCode::unsupported, attempt + "it is a cleaning cartridge: it has cleaned " +
                                            drive + " and came back out; take another for data");
  }
  const Fit fit = fit_of(options_.generation, chip.generation);
  const std::string generations = "it is an " + std::string(figures_of(chip.generation).name) +
                                  " cartridge, and " + drive + " is an " +
                                  std::string(figures_of(options_.generation).name) + " drive, ";
  if (fit == Fit::none) {
    show_to(bay, label, "refuse", figures_of(options_.generation).load_s);
    report_refused(bay, label);
    throw Error(ErrorCode::unsupported, attempt + generations +
                                            "which cannot read it: put it into an " +
                                            drives_for(chip.generation, Fit::reads) + " drive");
  }
  if (fit == Fit::reads && access == Access::write) {
    throw Error(ErrorCode::write_protected,
                attempt + generations + "which only reads it: write to an " +
                    cartridges_for(options_.generation, Fit::writes) + " cartridge");
  }
}

std::vector<CleaningCartridge> SimLibrary::cleaning_cartridges() {
  const std::lock_guard lock(mutex_);
  std::vector<CleaningCartridge> cartridges;
  for (const std::string& label : labels_locked()) {
    if (is_cleaning_barcode(label)) {
      CleaningCartridge each{.label = label, .place = places_.place_of(label)};
      try {
        each.uses_left = chip_of(label).cleanings_left;
      } catch (const Error&) {
        // A chip that cannot be read says so to who wants to clean with it.
      }
      cartridges.push_back(std::move(each));
    }
  }
  return cartridges;
}

// With a cleaning cartridge that is not used up, if there is one.
std::string SimLibrary::cleaning_cartridge_locked(const std::string& attempt) {
  std::string used_up;
  for (const std::string& label : labels_locked()) {
    if (is_cleaning_barcode(label)) {
      if (chip_of(label).cleanings_left > 0) {
        return label;
      }
      used_up = label;
    }
  }
  throw Error(ErrorCode::not_found,
              attempt +
                  (used_up.empty() ? "no cleaning cartridge (CLN...) is in "
                                   : used_up + " is used up, and no other cleaning "
                                               "cartridge is in ") +
                  url() + "; put one in");
}

}  // namespace mixtape::tapeio::lto
