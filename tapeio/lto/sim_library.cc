// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/sim_library.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "tapeio/changer.h"
#include "tapeio/error.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/load_waiter.h"

namespace mixtape::tapeio::lto {
namespace {

constexpr double kMinute = 60;

SimLibraryOptions require_directory(SimLibraryOptions options) {
  std::error_code failure;
  if (!std::filesystem::is_directory(options.path, failure)) {
    throw Error(ErrorCode::not_found, "open library sim:" + options.path +
                                          ": there is no such directory; make an empty one, or "
                                          "attach the disk that has it");
  }
  return options;
}

}  // namespace

SimLibrary::SimLibrary(SimLibraryOptions options)
    : options_(require_directory(std::move(options))),
      trace_(options_.path + "/trace.txt"),
      media_(options_.path),
      places_(options_.path + "/places.txt", options_.slots),
      uses_of_drives_(read_drive_uses(uses_file())) {
  HostTime* host_time = options_.host_time == nullptr ? &real_host_time_ : options_.host_time;
  for (std::size_t number = 1; number <= options_.drives; ++number) {
    auto bay = std::make_unique<Bay>();
    bay->model = std::make_unique<DriveModel>(
        DriveModelOptions{.name = "drive " + std::to_string(number),
                          .generation = options_.generation,
                          .scale = options_.modelled_scale(),
                          .clock_speed = options_.clock_speed,
                          .host_time = options_.counts_host_time ? host_time : nullptr,
                          .trace = &trace_,
                          .first_load_s = options_.first_load_minutes * kMinute,
                          .clean_after_hours = options_.clean_hours,
                          .clean_after_loads = options_.clean_loads,
                          .sleep = options_.sleep});
    bay->label = places_.in_drive(number);
    bay->was_left = !bay->label.empty();
    bay->model->set_use(uses_of_drives_[bay->model->options().name]);
    bays_.push_back(std::move(bay));
  }
}

std::vector<std::string> SimLibrary::labels_locked() {
  std::vector<std::string> labels;
  for (const MediumSlot& slot : media_.media()) {
    labels.push_back(slot.label);
  }
  places_.meet(labels);
  for (std::size_t number = 1; number <= bays_.size(); ++number) {
    Bay& bay = *bays_[number - 1];
    if (bay.was_left && !bay.in_use && places_.in_drive(number) != bay.label) {
      bay.label.clear();  // Somebody carried it off.
      bay.was_left = false;
    }
  }
  return labels;
}

void SimLibrary::require_known_locked(std::string_view label, const char* operation) {
  const std::vector<std::string> labels = labels_locked();
  if (std::find(labels.begin(), labels.end(), label) == labels.end()) {
    throw Error(ErrorCode::not_found, std::string(operation) + " medium " + std::string(label) +
                                          ": it is not in library " + url());
  }
}

SimLibrary::Bay* SimLibrary::bay_with_locked(std::string_view label) {
  const auto found = std::find_if(bays_.begin(), bays_.end(),
                                  [label](const auto& bay) { return bay->label == label; });
  return found == bays_.end() ? nullptr : found->get();
}

SimLibrary::Bay& SimLibrary::bay_named(std::string_view drive_name) const {
  for (const std::unique_ptr<Bay>& bay : bays_) {
    if (bay->model->options().name == drive_name) {
      return *bay;
    }
  }
  throw Error(ErrorCode::not_found,
              "find " + std::string(drive_name) + ": library " + url() + " has no such drive");
}

CartridgeChip SimLibrary::new_chip(std::string_view label) const {
  CartridgeChip chip;
  chip.generation = generation_of_barcode(label).value_or(options_.generation);
  chip.is_cleaning = is_cleaning_barcode(std::string(label));
  chip.is_initialised = !figures_of(chip.generation).initialises;
  return chip;
}

std::vector<MediumSlot> SimLibrary::media() {
  std::vector<MediumSlot> slots = media_.media();
  std::erase_if(slots, [](const MediumSlot& slot) { return is_cleaning_barcode(slot.label); });
  const std::lock_guard lock(mutex_);
  static_cast<void>(labels_locked());
  for (MediumSlot& slot : slots) {
    const Bay* bay = bay_with_locked(slot.label);
    slot.loaded = bay != nullptr;
    slot.device_id = 0;
    slot.moves = true;
    slot.place = bay != nullptr ? bay->model->options().name : places_.place_of(slot.label);
  }
  return slots;
}

void SimLibrary::add_medium(std::string_view label, std::uint64_t capacity_bytes) {
  require_valid_label(label);
  const std::lock_guard lock(mutex_);
  static_cast<void>(labels_locked());
  places_.require_room();
  const double deviation = options_.capacity_varies ? capacity_deviation(label) : 0;
  const CartridgeChip chip = new_chip(label);
  const double most =
      static_cast<double>(figures_of(chip.generation).native_bytes) / options_.modelled_scale();
  const double nominal = std::min(static_cast<double>(capacity_bytes), most);
  media_.add_medium(label, static_cast<std::uint64_t>(std::llround(nominal * (1 + deviation))));
  write_cartridge_chip(directory_of(label), chip);
  static_cast<void>(labels_locked());
  places_.save();
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
    throw Error(ErrorCode::busy,
                "load medium " + std::string(label) +
                    (chosen == nullptr ? ": every drive is in use" : ": its drive is in use"));
  }
  chosen->in_use = true;
  chosen->last_use = ++uses_;
  return *chosen;
}

void SimLibrary::give_back(Bay& bay) noexcept {
  std::string label;
  bool was_left = false;
  {
    const std::lock_guard lock(mutex_);
    label = bay.label;
    was_left = bay.was_left;
  }
  const bool is_in_mouth = bay.model->cartridge() == nullptr && !label.empty() && !was_left;
  if (is_in_mouth) {
    // Its user unloaded it: the robot fetches it.
    bay.model->settle();
    bay.model->be_handled("robot", label, kRobotSeconds);
  }
  bay.model->settle();
  keep_chip(bay);
  const std::lock_guard lock(mutex_);
  if (is_in_mouth) {
    clear_locked(bay);
  }
  bay.in_use = false;
}

std::unique_ptr<TapeDrive> SimLibrary::load(std::string_view label, Access access,
                                            const LoadWatch& watch) {
  require_valid_label(label);
  {
    const std::lock_guard lock(mutex_);
    require_known_locked(label, "load");
  }
  Bay& bay = reserve(label);
  try {
    take_up_what_was_left(bay);
    require_usable(bay, label, access);
    // Opened before anything moves: what cannot be opened is not fetched.
    std::unique_ptr<TapeDrive> medium_drive = media_.load(label, access);
    if (bay.model->cartridge() == nullptr || bay.model->cartridge()->label != label) {
      empty(bay);
      fill(bay, label, *medium_drive);
    } else {
      bay.model->begin_operation();
      bay.model->note_rewind();
    }
    const LoadWaiter waiter{std::string(label), watch};
    bay.model->measure([&](double part) {
      waiter.tell(bay.model->options().name + " measures the cartridge, as each at its first load",
                  part);
    });
    keep_chip(bay);
    const CartridgeChip& chip = bay.model->cartridge()->chip;
    if (chip.is_worn()) {
      medium_drive = std::make_unique<FaultyDrive>(
          std::move(medium_drive),
          FaultPlan{.bad_records = chip.unreadable, .unwritable_records = chip.unwritable});
    }
    if (options_.wrap_medium) {
      medium_drive = options_.wrap_medium(std::move(medium_drive), label);
    }
    return std::make_unique<SimDrive>(std::move(medium_drive), *bay.model,
                                      [this, &bay, name = std::string(label)](const auto& report) {
                                        keep(name, report);
                                        give_back(bay);
                                      });
  } catch (...) {
    give_back(bay);
    throw;
  }
}

std::vector<DriveSlot> SimLibrary::drives() {
  const std::string product(figures_of(options_.generation).name);
  const std::lock_guard lock(mutex_);
  std::vector<DriveSlot> slots;
  for (const std::unique_ptr<Bay>& bay : bays_) {
    const std::string& name = bay->model->options().name;
    slots.push_back({.name = name,
                     .device = url() + " " + name,
                     .identity = "MIXTAPE simulated " + product,
                     .serial = name,
                     .medium = bay->label.empty() ? std::nullopt : std::optional(bay->label),
                     .in_use = bay->in_use});
  }
  return slots;
}

std::vector<MediumReport> SimLibrary::take_reports() {
  const std::lock_guard lock(mutex_);
  return reports_.take();
}

void SimLibrary::keep(const std::string& label, const DriveReport& report) {
  const std::lock_guard lock(mutex_);
  reports_.add(label, report);
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
      throw Error(ErrorCode::busy, "unload medium " + std::string(label) + ": its drive is in use");
    }
    bay->in_use = true;
  }
  try {
    take_up_what_was_left(*bay);
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
    throw Error(ErrorCode::busy,
                "export medium " + std::string(label) + ": somebody has loaded it meanwhile");
  }
  places_.export_one(label);
  places_.save();
  return places_.place_of(label);
}

void SimLibrary::clean(std::string_view drive_name) {
  Bay& bay = bay_named(drive_name);
  std::string label;
  {
    const std::lock_guard lock(mutex_);
    if (bay.in_use) {
      throw Error(ErrorCode::busy, "clean " + std::string(drive_name) + ": it is in use");
    }
    label = cleaning_cartridge_locked("clean " + std::string(drive_name) + ": ");
    bay.in_use = true;
  }
  try {
    take_up_what_was_left(bay);
    CartridgeChip chip = chip_of(label);
    clean_with(bay, label, chip);
  } catch (...) {
    give_back(bay);
    throw;
  }
  give_back(bay);
}

std::string SimLibrary::drive_report() {
  const SimReport all = report();
  return all.total_seconds() > 0 ? to_string(all) : std::string{};
}

SimReport SimLibrary::report() const {
  SimReport sum;
  for (const std::unique_ptr<Bay>& bay : bays_) {
    sum += bay->model->report();
  }
  return sum;
}

SimReport SimLibrary::report(std::string_view drive_name) const {
  return bay_named(drive_name).model->report();
}

ModelledTime& SimLibrary::clock(std::string_view drive_name) {
  return bay_named(drive_name).model->clock();
}

}  // namespace mixtape::tapeio::lto
