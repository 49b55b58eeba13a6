// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "tapeio/changer.h"
#include "tapeio/error.h"
#include "tapeio/lto/sim_library.h"

// How simulated cartridges get into drives and out of them again, and which do not stay there.

namespace mixtape::tapeio::lto {
namespace {

// A cartridge carried between a slot and a drive: a small library, as users report it.
constexpr double kRobotSeconds = 10;
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

// The drive with this cartridge, or one to put it into; nobody else gets it until it is given back.
SimLibrary::Bay& SimLibrary::reserve(std::string_view label) {
  const std::lock_guard lock(mutex_);
  Bay* chosen = bay_with_locked(label);
  if (chosen == nullptr) {
    // An empty drive before one with a cartridge, then the one that was used longest ago.
    for (const std::unique_ptr<Bay>& bay : bays_) {
      const auto rank = [](const Bay& one) { return std::pair(!one.label.empty(), one.last_use); };
      if (!bay->in_use && (chosen == nullptr || rank(*bay) < rank(*chosen))) {
        chosen = bay.get();
      }
    }
  }
  if (chosen == nullptr || chosen->in_use) {
    throw Error(ErrorCode::locked,
                "load medium " + std::string(label) +
                    (chosen == nullptr ? ": every drive is in use" : ": its drive is in use"));
  }
  chosen->in_use = true;
  chosen->last_use = ++uses_;
  return *chosen;
}

void SimLibrary::give_back(Bay& bay) noexcept {
  std::string label;
  {
    const std::lock_guard lock(mutex_);
    label = bay.label;
  }
  const bool is_in_mouth = bay.model->cartridge() == nullptr && !label.empty();
  if (is_in_mouth) {
    // Its user unloaded it: the robot fetches it.
    bay.model->settle();
    bay.model->be_handled("robot", label, kRobotSeconds);
  }
  bay.model->settle();
  keep(bay);
  const std::lock_guard lock(mutex_);
  if (is_in_mouth) {
    bay.label.clear();
  }
  bay.in_use = false;
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
  keep(bay);
  bay.model->unload();
  bay.model->be_handled("robot", label, kRobotSeconds);
  const std::lock_guard lock(mutex_);
  bay.label.clear();
}

// The bay is reserved by the caller, and empty.
void SimLibrary::fill(Bay& bay, std::string_view label, TapeDrive& medium_drive) {
  const double deviation = options_.capacity_varies ? capacity_deviation(label) : 0;
  const CartridgeChip chip = chip_of(label);
  const GenerationFigures& figures = figures_of(chip.generation);
  const double host_bytes =
      static_cast<double>(figures.native_bytes) / options_.modelled_scale() * (1 + deviation);
  TapeMap map = TapeMap::of(medium_drive);
  Cartridge* cartridge = nullptr;
  {
    const std::lock_guard lock(mutex_);
    places_.import_one(label);
    places_.save();
    std::unique_ptr<Cartridge>& known = cartridges_[std::string(label)];
    if (known == nullptr) {
      known = std::make_unique<Cartridge>(
          Cartridge{std::string(label), {}, CartridgeGeometry(figures, host_bytes)});
    }
    known->map = std::move(map);
    known->chip = chip;
    known->keep = [directory = directory_of(label)](const CartridgeChip& now) {
      write_cartridge_chip(directory, now);
    };
    cartridge = known.get();
    bay.label = label;
  }
  bay.model->be_handled("robot", label, kRobotSeconds);
  bay.model->load(*cartridge);
  keep(bay);
}

// Nothing but counts is lost when this fails, and nobody is there to be told.
void SimLibrary::keep(Bay& bay) noexcept {
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
    throw Error(ErrorCode::unsupported, attempt + generations +
                                            "which cannot read it: put it into one of " +
                                            drives_for(chip.generation, Fit::reads));
  }
  if (fit == Fit::reads && access == Access::write) {
    throw Error(ErrorCode::write_protected, attempt + generations +
                                                "which only reads it: write to a cartridge of " +
                                                cartridges_for(options_.generation, Fit::writes));
  }
}

void SimLibrary::unload(std::string_view label) {
  Bay* bay = nullptr;
  {
    const std::lock_guard lock(mutex_);
    require_known_locked(label, "unload");
    bay = bay_with_locked(label);
    if (bay == nullptr) {
      return;
    }
    if (bay->in_use) {
      throw Error(ErrorCode::locked,
                  "unload medium " + std::string(label) + ": its drive is in use");
    }
    bay->in_use = true;
  }
  try {
    empty(*bay);
  } catch (...) {
    give_back(*bay);
    throw;
  }
  give_back(*bay);
}

std::string SimLibrary::export_medium(std::string_view label) {
  unload(label);
  const std::lock_guard lock(mutex_);
  require_known_locked(label, "export");
  if (bay_with_locked(label) != nullptr) {
    throw Error(ErrorCode::locked,
                "export medium " + std::string(label) + ": somebody has loaded it meanwhile");
  }
  places_.export_one(label);
  places_.save();
  return places_.place_of(label);
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
                  url());
}

void SimLibrary::clean(std::string_view drive_name) {
  Bay& bay = bay_named(drive_name);
  const std::string attempt = "clean " + std::string(drive_name) + ": ";
  std::string label;
  {
    const std::lock_guard lock(mutex_);
    if (bay.in_use) {
      throw Error(ErrorCode::locked, attempt + "it is in use");
    }
    label = cleaning_cartridge_locked(attempt);
    bay.in_use = true;
  }
  try {
    CartridgeChip chip = chip_of(label);
    clean_with(bay, label, chip);
  } catch (...) {
    give_back(bay);
    throw;
  }
  give_back(bay);
}

}  // namespace mixtape::tapeio::lto
