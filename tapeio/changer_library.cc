// SPDX-License-Identifier: Apache-2.0
#include "tapeio/changer_library.h"

#include <algorithm>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::tapeio {
namespace {

using Clock = std::chrono::steady_clock;

// A cartridge that has a name by which somebody can ask for it.
bool is_medium(const Element& element) {
  return element.full && is_valid_label(element.barcode) && !is_cleaning_barcode(element.barcode);
}

}  // namespace

ChangerLibrary::Claim::Claim(ChangerLibrary& of, Bay* its_bay, std::string its_label)
    : library(&of), bay(its_bay), label(std::move(its_label)) {
  if (bay != nullptr) {
    bay->in_use = true;
    bay->last_used = ++library->uses_;
  }
  library->claimed_.insert(label);
}

ChangerLibrary::Claim::Claim(Claim&& other) noexcept
    : library(std::exchange(other.library, nullptr)),
      bay(other.bay),
      label(std::move(other.label)) {}

ChangerLibrary::Claim::~Claim() {
  if (library != nullptr) {
    const std::lock_guard lock(library->mutex_);
    library->claimed_.erase(label);
    if (bay != nullptr) {
      bay->in_use = false;
    }
  }
}

ChangerLibrary::ChangerLibrary(std::string url, std::unique_ptr<Changer> changer,
                               std::vector<CartridgeDrive> drives, CartridgeLibraryOptions options)
    : url_(std::move(url)), options_(std::move(options)), changer_(std::move(changer)) {
  for (CartridgeDrive& drive : drives) {
    bays_.push_back(std::make_unique<Bay>(Bay{.parts = std::move(drive)}));
    bays_.back()->serial = bays_.back()->parts.serial;
  }
  const std::lock_guard changer_lock(changer_mutex_);
  look();
  learn_serials();
}

void ChangerLibrary::look() {
  try {
    Elements elements = changer_->elements();
    const std::lock_guard lock(mutex_);
    picture_ = std::move(elements);
    trouble_.reset();
    looked_ = Clock::now();
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    trouble_ = error;
    looked_ = Clock::now();
    throw;
  }
}

// A bay without an element is never lent: its drive is ours to ask.
void ChangerLibrary::learn_serials() {
  for (const auto& bay : bays_) {
    bool is_unknown = false;
    {
      const std::lock_guard lock(mutex_);
      match_bays(/*guess=*/false);
      is_unknown = !bay->element && bay->parts.serial.empty();
    }
    if (!is_unknown) {
      continue;
    }
    try {
      const auto identity = open_drive(*bay).features().identity;
      bay->parts.serial = identity ? identity->serial : std::string();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::exhausted) {
        throw;
      }
      // Somebody else has it now, or it is switched off: the others do, and it is asked again.
    }
  }
  const std::lock_guard lock(mutex_);
  match_bays(/*guess=*/true);
}

// `guess`: every drive was asked that could be.
void ChangerLibrary::match_bays(bool guess) {
  std::vector<const Element*> drives;
  for (const Element& element : picture_) {
    if (element.kind == Element::Kind::drive) {
      drives.push_back(&element);
    }
  }
  const bool tells = std::any_of(drives.begin(), drives.end(),
                                 [](const Element* each) { return !each->identifier.empty(); });
  const bool is_the_only =
      drives.size() == 1 && bays_.size() == 1 && bays_.front()->parts.serial.empty();
  if (tells && !is_the_only) {
    match_by_serial(drives);
    if (guess) {
      match_the_last(drives);
    }
    return;
  }
  for (std::size_t i = 0; i < std::min(drives.size(), bays_.size()); ++i) {
    bays_[i]->element = bays_[i]->element.value_or(drives[i]->address);
  }
}

void ChangerLibrary::match_by_serial(const std::vector<const Element*>& drives) {
  for (const auto& bay : bays_) {
    for (const Element* drive : drives) {
      if (!bay->element && !bay->parts.serial.empty() && bay_at(drive->address) == nullptr &&
          drive->identifier.ends_with(bay->parts.serial)) {
        bay->element = drive->address;
      }
    }
  }
}

// A drive that the changer cannot name is the one that is left over, when only one is.
void ChangerLibrary::match_the_last(const std::vector<const Element*>& drives) {
  const auto is_left = [](const auto& bay) { return !bay->element; };
  const auto is_nameless = [this](const Element* drive) {
    return drive->identifier.empty() && bay_at(drive->address) == nullptr;
  };
  if (std::ranges::count_if(bays_, is_left) == 1 &&
      std::ranges::count_if(drives, is_nameless) == 1) {
    (*std::ranges::find_if(bays_, is_left))->element =
        (*std::ranges::find_if(drives, is_nameless))->address;
  }
}

const Element* ChangerLibrary::find_label(std::string_view label) const {
  const auto found = std::find_if(picture_.begin(), picture_.end(), [&](const Element& each) {
    return each.full && each.barcode == label;
  });
  return found == picture_.end() ? nullptr : &*found;
}

const Element* ChangerLibrary::element_at(std::uint16_t address) const {
  const auto found = std::find_if(picture_.begin(), picture_.end(),
                                  [&](const Element& each) { return each.address == address; });
  return found == picture_.end() ? nullptr : &*found;
}

ChangerLibrary::Bay* ChangerLibrary::bay_at(std::uint16_t address) {
  const auto found = std::find_if(bays_.begin(), bays_.end(),
                                  [&](const auto& bay) { return bay->element == address; });
  return found == bays_.end() ? nullptr : found->get();
}

void ChangerLibrary::look_gently() {
  const std::unique_lock changer_lock(changer_mutex_, std::try_to_lock);
  if (!changer_lock.owns_lock()) {
    return;  // A cartridge is moving: what was known is all there is.
  }
  {
    const std::lock_guard lock(mutex_);
    if (Clock::now() - looked_ < options_.look_every) {
      return;
    }
  }
  try {
    look();
  } catch (const Error&) {
    return;  // It is in trouble_, for whoever wants to know.
  }
}

std::vector<MediumSlot> ChangerLibrary::media() {
  look_gently();
  const std::lock_guard lock(mutex_);
  if (trouble_) {
    throw Error(*trouble_);
  }
  std::vector<MediumSlot> slots;
  for (const Element& element : picture_) {
    if (is_medium(element)) {
      const bool is_loaded = bay_at(element.address) != nullptr;
      slots.push_back({.label = element.barcode,
                       .loaded = is_loaded,
                       .moves = !is_loaded,
                       .place = place_name(element)});
    }
  }
  // Of two cartridges with one barcode only one can be asked for: the one that load() takes.
  std::stable_sort(slots.begin(), slots.end(), [](const MediumSlot& left, const MediumSlot& right) {
    return left.label < right.label;
  });
  const auto is_same = [](const MediumSlot& left, const MediumSlot& right) {
    return left.label == right.label;
  };
  slots.erase(std::unique(slots.begin(), slots.end(), is_same), slots.end());
  return slots;
}

std::vector<DriveSlot> ChangerLibrary::drives() {
  look_gently();
  const std::lock_guard lock(mutex_);
  std::vector<DriveSlot> slots;
  for (const auto& bay : bays_) {
    DriveSlot slot{.name = "a drive that the changer does not have",
                   .device = bay->parts.device,
                   .identity = identity_text(bay->identity),
                   .serial = bay->serial,
                   .notes = bay->identity.notes,
                   .medium = std::nullopt,
                   .in_use = bay->in_use};
    const Element* element = bay->element ? element_at(*bay->element) : nullptr;
    if (element != nullptr) {
      slot.name = place_name(*element);
    }
    if (element != nullptr && element->full) {
      slot.medium = element->barcode;
    }
    slots.push_back(std::move(slot));
  }
  return slots;
}

std::vector<CleaningCartridge> ChangerLibrary::cleaning_cartridges() {
  look_gently();
  const std::lock_guard lock(mutex_);
  std::vector<CleaningCartridge> cartridges;
  for (const Element& element : picture_) {
    if (element.full && is_cleaning_barcode(element.barcode)) {
      cartridges.push_back({.label = element.barcode, .place = place_name(element)});
    }
  }
  std::ranges::stable_sort(cartridges, {}, &CleaningCartridge::label);
  return cartridges;
}

void ChangerLibrary::meet_drives() {
  look_gently();
  const std::lock_guard changer_lock(changer_mutex_);  // Before it nobody claims a bay.
  for (const auto& bay : bays_) {
    {
      const std::lock_guard lock(mutex_);
      const Element* element = bay->element ? element_at(*bay->element) : nullptr;
      const bool is_idle = element != nullptr && !element->full && !bay->in_use;
      if (!is_idle || !identity_text(bay->identity).empty()) {
        continue;
      }
    }
    try {
      open_drive(*bay);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::exhausted) {
        throw;
      }
      // It is switched off, or another program has it: there is nothing to tell of it.
    }
  }
}

void ChangerLibrary::add_medium(std::string_view label, std::uint64_t /*capacity_bytes*/) {
  throw Error(ErrorCode::unsupported,
              "add medium " + std::string(label) + " to " + url_ +
                  ": a cartridge cannot be made; put one into an import/export slot");
}

const Element& ChangerLibrary::require_known(const std::string& label) const {
  const Element* element = find_label(label);
  if (element == nullptr) {
    throw Error(ErrorCode::not_found,
                "find medium " + label + " in " + url_ +
                    ": it is not there; put it into an import/export slot or a magazine");
  }
  return *element;
}

void ChangerLibrary::require_idle(const std::string& label, const Bay* bay) const {
  if (claimed_.contains(label) || (bay != nullptr && bay->in_use)) {
    throw Error(ErrorCode::busy, "use medium " + label + " of " + url_ +
                                     ": somebody has it in use; try again later");
  }
}

ChangerLibrary::Bay& ChangerLibrary::pick_idle_bay(const std::string& label) {
  Bay* best = nullptr;
  bool has_any = false;
  const auto rank = [&](const Bay& bay) {
    const Element* element = element_at(*bay.element);
    return std::pair(element->full, bay.last_used);  // Empty ones first, then the longest idle.
  };
  for (const auto& bay : bays_) {
    const Element* element = bay->element ? element_at(*bay->element) : nullptr;
    has_any = has_any || element != nullptr;
    const bool is_usable = element != nullptr && !bay->in_use && !element->exception;
    if (is_usable && (best == nullptr || rank(*bay) < rank(*best))) {
      best = bay.get();
    }
  }
  if (!has_any) {
    throw Error(ErrorCode::not_found, "load medium " + label + ": none of the drives given (" +
                                          bays_.front()->parts.device + ", serial number '" +
                                          bays_.front()->parts.serial + "') is in changer " +
                                          changer_->name());
  }
  if (best == nullptr) {
    throw Error(ErrorCode::busy, "load medium " + label + ": every drive of " + url_ +
                                     " is in use; try again later");
  }
  return *best;
}

ChangerLibrary::Claim ChangerLibrary::claim_for_loading(const std::string& label) {
  const std::lock_guard changer_lock(changer_mutex_);
  look();
  learn_serials();
  const std::lock_guard lock(mutex_);
  Bay* bay = bay_at(require_known(label).address);
  if (is_cleaning_barcode(label)) {
    throw Error(ErrorCode::invalid, "use medium " + label + ": it is a cleaning cartridge");
  }
  require_idle(label, bay);
  return {*this, bay != nullptr ? bay : &pick_idle_bay(label), label};
}

std::unique_ptr<TapeDrive> ChangerLibrary::load(std::string_view label, Access access,
                                                const LoadWatch& watch) {
  require_valid_label(label);
  const auto claim = std::make_shared<Claim>(claim_for_loading(std::string(label)));
  Bay& bay = *claim->bay;
  try {
    return load_into(claim, access, watch);
  } catch (const Error& error) {
    // A drive that was unplugged and is back has to be opened again.
    if (error.code() != ErrorCode::no_medium && error.code() != ErrorCode::wrong_medium) {
      bay.drive.reset();
    }
    if (error.code() == ErrorCode::wrong_medium && bay.drive) {
      const DriveReport report = report_of(*bay.drive);  // It may raise alerts for what it refuses.
      const std::lock_guard lock(mutex_);
      reports_.add(claim->label, report);
    }
    throw;
  }
}

std::unique_ptr<TapeDrive> ChangerLibrary::load_into(const std::shared_ptr<Claim>& claim,
                                                     Access access, const LoadWatch& watch) {
  Bay& bay = *claim->bay;
  const std::string& label = claim->label;
  // An LTO-9 cartridge measures itself when it is loaded for the first time.
  const auto within = label.ends_with("L9") ? options_.first_load_within : options_.ready_within;
  LoadWaiter waiter(label, watch);
  const WaitsHere here(bay.waiter, waiter);
  bring(*claim, within);
  const bool is_there = wait_for_medium(bay, within).has_value();
  if (!is_there) {
    throw Error(ErrorCode::io, "load medium " + claim->label + ": " + bay.parts.device +
                                   " does not get ready with it; look at the drive's display");
  }
  // Only then does a drive let us see all of a cartridge that was just put in.
  bay.drive->rewind();
  require_right_cartridge(*claim);
  return std::make_unique<LentDrive>(
      *bay.drive, claim->label, access == Access::write,
      [this, claim](const LentDrive::Returned& returned) { come_back(*claim, returned); });
}

void ChangerLibrary::come_back(const Claim& claim, const LentDrive::Returned& returned) {
  if (returned.failed) {
    claim.bay->drive.reset();  // Opened again when needed.
  }
  const std::lock_guard lock(mutex_);
  reports_.add(claim.label, returned.report);
  if (!returned.report.notes.empty()) {
    claim.bay->identity.notes = returned.report.notes;
  }
}

std::vector<MediumReport> ChangerLibrary::take_reports() {
  const std::lock_guard lock(mutex_);
  return reports_.take();
}

}  // namespace mixtape::tapeio
