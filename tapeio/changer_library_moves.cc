// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <thread>
#include <utility>

#include "tapeio/changer_library.h"
#include "tapeio/error.h"

// How cartridges get from place to place: the part of ChangerLibrary that takes minutes.

namespace mixtape::tapeio {
namespace {

using Clock = std::chrono::steady_clock;

bool has_room(const Element& element) {
  return !element.full && element.accessible && !element.exception;
}

std::optional<std::uint16_t> first_with_room(const std::vector<Element>& elements,
                                             Element::Kind kind) {
  for (const Element& element : elements) {
    if (element.kind == kind && has_room(element)) {
      return element.address;
    }
  }
  return std::nullopt;
}

template <typename Elements>
auto* find_address(Elements& elements, std::uint16_t address) {
  const auto found = std::find_if(elements.begin(), elements.end(),
                                  [&](const Element& each) { return each.address == address; });
  return found == elements.end() ? nullptr : &*found;
}

}  // namespace

TapeDrive& ChangerLibrary::open_drive(Bay& bay) {
  if (!bay.drive) {
    bay.drive = bay.parts.open([&bay](const auto& why, const auto& progress) {
      while_not_ready(bay.waiter, why, progress);
    });
    DriveIdentity identity = bay.drive->features().identity.value_or(DriveIdentity{});
    const std::lock_guard lock(mutex_);
    bay.serial = identity.serial.empty() ? bay.serial : identity.serial;
    bay.identity = std::move(identity);
  }
  return *bay.drive;
}

std::optional<Element> ChangerLibrary::where_is(std::string_view label) {
  const std::lock_guard lock(mutex_);
  const Element* element = find_label(label);
  return element == nullptr ? std::nullopt : std::optional(*element);
}

Element ChangerLibrary::place_of(const Bay& bay) {
  const std::lock_guard lock(mutex_);
  const Element* element = element_at(*bay.element);
  if (element == nullptr) {
    throw Error(ErrorCode::io, "use " + bay.parts.device + ": changer " + changer_->name() +
                                   " does not have it any more");
  }
  return *element;
}

void ChangerLibrary::move_locked(std::uint16_t from, std::uint16_t to) {
  std::optional<Error> failure;
  try {
    changer_->move(from, to);
    const std::lock_guard lock(mutex_);
    Element* source = find_address(picture_, from);
    Element* destination = find_address(picture_, to);
    if (source != nullptr && destination != nullptr) {
      destination->full = std::exchange(source->full, false);
      destination->barcode = std::exchange(source->barcode, {});
      destination->source = from;
    }
  } catch (const Error& error) {
    failure = error;
  }
  try {
    look();
  } catch (const Error&) {
    // Then what the move has meant is all that is known; trouble_ says so to who looks next.
  }
  if (failure) {
    throw Error(*failure);
  }
}

void ChangerLibrary::carry(std::uint16_t from, const Choice& choose) {
  const std::lock_guard changer_lock(changer_mutex_);
  Elements now;
  {
    const std::lock_guard lock(mutex_);
    now = picture_;
  }
  move_locked(from, choose(now));
}

std::uint16_t ChangerLibrary::choose_home(const Elements& elements, std::uint16_t from) const {
  const Element* element = find_address(elements, from);
  if (element != nullptr && element->source) {
    const Element* home = find_address(elements, *element->source);
    if (home != nullptr && home->kind == Element::Kind::slot && has_room(*home)) {
      return home->address;
    }
  }
  const auto free = first_with_room(elements, Element::Kind::slot);
  if (!free) {
    throw Error(ErrorCode::no_space,
                "take a cartridge out of a drive of " + url_ +
                    ": no slot is free; export another cartridge and take it out of the library");
  }
  return *free;
}

std::uint16_t ChangerLibrary::choose_export(const Elements& elements) const {
  const bool has_any = std::any_of(elements.begin(), elements.end(), [](const Element& each) {
    return each.kind == Element::Kind::import_export;
  });
  if (!has_any) {
    throw Error(ErrorCode::unsupported,
                "export from " + url_ + ": it has no import/export slot; open its magazine");
  }
  const auto free = first_with_room(elements, Element::Kind::import_export);
  if (!free) {
    throw Error(ErrorCode::no_space, "export from " + url_ +
                                         ": every import/export slot is full; take out what is "
                                         "there");
  }
  return *free;
}

void ChangerLibrary::send_home(std::uint16_t from) {
  carry(from, [&](const Elements& elements) { return choose_home(elements, from); });
}

void ChangerLibrary::empty(Bay& bay) {
  const Element place = place_of(bay);
  TapeDrive& drive = open_drive(bay);
  if (!place.full) {
    if (drive.medium()) {
      throw Error(ErrorCode::conflict, "use " + bay.parts.device + ": it holds a cartridge that " +
                                           changer_->name() +
                                           " does not know of; take it out by hand");
    }
    return;
  }
  try {
    drive.unload();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::no_medium) {
      throw;
    }
  }
  // Whoever opens it next finds the next cartridge, and loads it where a drive wants to be told.
  bay.drive.reset();
  send_home(place.address);
}

void ChangerLibrary::bring(const Claim& claim, std::chrono::milliseconds ready_within) {
  Bay& bay = *claim.bay;
  const std::uint16_t goal = place_of(bay).address;
  auto place = where_is(claim.label);
  if (place && place->address == goal) {
    if (wait_for_medium(bay, std::chrono::milliseconds(0))) {
      return;
    }
    bay.drive.reset();  // Opened again, some drives draw in what they had given out.
    // A robot cannot reach what a drive is still threading, or measuring for an hour.
    if (wait_for_medium(bay, options_.settle_within) || !place->accessible) {
      return;
    }
    // It was given out and nobody took it: only putting it in again threads it.
    send_home(goal);
    place = where_is(claim.label);
  } else {
    bay.waiter->give_up_after(ready_within);  // For the cartridge that is in now.
    static_cast<void>(open_drive(bay));       // Nothing is moved for a drive that is not there.
    empty(bay);
  }
  if (!place) {
    throw Error(ErrorCode::not_found, "load medium " + claim.label + ": it is gone from " + url_);
  }
  carry(place->address, [&](const Elements&) { return goal; });
}

std::optional<MediumInfo> ChangerLibrary::wait_for_medium(Bay& bay,
                                                          std::chrono::milliseconds within) {
  bay.waiter->give_up_after(within);
  std::string why = bay.parts.device + " gets ready";
  while (true) {
    std::optional<MediumInfo> medium;
    try {
      medium = open_drive(bay).medium();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::no_medium) {
        throw;
      }
      why = error.what();
    }
    if (medium || bay.waiter->has_given_up()) {
      return medium;
    }
    bay.waiter->tell(why, std::nullopt);
    bay.waiter->pause(options_.pause);
  }
}

void ChangerLibrary::require_right_cartridge(const Claim& claim) const {
  const auto medium = claim.bay->drive->medium();
  const std::string told = medium ? barcode_in_chip(*claim.bay->drive, *medium) : std::string();
  if (!told.empty() && !is_same_barcode(told, claim.label)) {
    throw Error(ErrorCode::wrong_medium, "load medium " + claim.label + ": the cartridge in " +
                                             claim.bay->parts.device + " says that it is " + told +
                                             "; its barcode sticker may be another's");
  }
}

ChangerLibrary::Claim ChangerLibrary::claim_where_it_is(const std::string& label) {
  const std::lock_guard changer_lock(changer_mutex_);
  look();
  const std::lock_guard lock(mutex_);
  Bay* bay = bay_at(require_known(label).address);
  require_idle(label, bay);
  return {*this, bay, label};
}

void ChangerLibrary::unload(std::string_view label) {
  const Claim claim = claim_where_it_is(std::string(label));
  if (claim.bay != nullptr) {
    empty(*claim.bay);
  }
}

std::string ChangerLibrary::export_medium(std::string_view label) {
  const Claim claim = claim_where_it_is(std::string(label));
  auto place = where_is(label);
  const auto choose = [&](const Elements& elements) { return choose_export(elements); };
  if (place && place->kind != Element::Kind::import_export) {
    {
      const std::lock_guard lock(mutex_);
      static_cast<void>(choose(picture_));  // Nothing is taken out of its drive for nothing.
    }
    if (claim.bay != nullptr) {
      empty(*claim.bay);
      place = where_is(label);
    }
    if (place) {
      carry(place->address, choose);
      place = where_is(label);
    }
  }
  // A human may have taken it already.
  return place ? place_name(*place) : "an import/export slot";
}

ChangerLibrary::Claim ChangerLibrary::claim_for_cleaning(std::string_view drive_name) {
  const std::lock_guard changer_lock(changer_mutex_);
  look();
  const std::lock_guard lock(mutex_);
  const auto bay = std::find_if(bays_.begin(), bays_.end(), [&](const auto& each) {
    const Element* element = each->element ? element_at(*each->element) : nullptr;
    return element != nullptr && place_name(*element) == drive_name;
  });
  if (bay == bays_.end()) {
    throw Error(ErrorCode::not_found,
                "clean " + std::string(drive_name) + ": " + url_ + " has no such drive");
  }
  if ((*bay)->in_use) {
    throw Error(ErrorCode::busy, "clean " + std::string(drive_name) + ": it is in use");
  }
  for (const Element& element : picture_) {
    if (element.full && is_cleaning_barcode(element.barcode) &&
        !claimed_.contains(element.barcode) &&
        (element.kind != Element::Kind::drive || element.address == *(*bay)->element)) {
      return {*this, bay->get(), element.barcode};
    }
  }
  throw Error(ErrorCode::not_found, "clean " + std::string(drive_name) +
                                        ": no cleaning cartridge (CLN...) is in " + url_);
}

void ChangerLibrary::clean(std::string_view drive_name) {
  const Claim claim = claim_for_cleaning(drive_name);
  const std::uint16_t goal = place_of(*claim.bay).address;
  if (where_is(claim.label)->address != goal) {
    empty(*claim.bay);
    if (const auto place = where_is(claim.label)) {
      carry(place->address, [&](const Elements&) { return goal; });
    }
  }
  wait_until_clean(claim);
}

// The drive gives the cartridge out when it is done; before that it does not let the robot have it.
void ChangerLibrary::wait_until_clean(const Claim& claim) {
  const auto is_quiet = [&] {
    try {
      return !open_drive(*claim.bay).medium().has_value();
    } catch (const Error&) {
      return false;  // "Cleaning" is an error to who wants to write.
    }
  };
  const auto begin = Clock::now();
  bool was_inside = false;
  std::this_thread::sleep_for(options_.clean_at_least);
  while (true) {
    {
      const std::lock_guard changer_lock(changer_mutex_);
      look();
    }
    const Element place = place_of(*claim.bay);
    if (!place.full) {
      return;  // The changer took it by itself, or a human did.
    }
    was_inside = was_inside || !place.accessible;
    // A drive that is asked may draw the cartridge in again: only where the changer cannot tell.
    if (place.accessible && (was_inside || is_quiet())) {
      try {
        send_home(place.address);
        return;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::locked) {
          throw;
        }
      }
    }
    if (Clock::now() - begin >= options_.clean_within) {
      throw Error(ErrorCode::io, "clean " + place_name(place) +
                                     ": it does not give the cleaning cartridge out; it may be "
                                     "used up; look at the drive's display");
    }
    std::this_thread::sleep_for(options_.pause);
  }
}

}  // namespace mixtape::tapeio
