// SPDX-License-Identifier: Apache-2.0
#include "tapeio/hand_fed_library.h"

#include <utility>

#include "tapeio/error.h"

namespace mixtape::tapeio {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kDriveName = "drive 1";

}  // namespace

HandFedLibrary::HandFedLibrary(std::string url, CartridgeDrive drive,
                               CartridgeLibraryOptions options)
    : url_(std::move(url)), parts_(std::move(drive)), options_(std::move(options)) {}

TapeDrive& HandFedLibrary::open_drive() {
  if (!drive_) {
    drive_ = parts_.open(
        [this](const auto& why, const auto& progress) { while_not_ready(waiter_, why, progress); });
    DriveIdentity identity = drive_->features().identity.value_or(DriveIdentity{});
    const std::lock_guard lock(mutex_);
    identity_ = std::move(identity);
  }
  return *drive_;
}

HandFedLibrary::View HandFedLibrary::view() {
  const std::lock_guard lock(mutex_);
  return view_;
}

bool HandFedLibrary::is_stale(std::chrono::milliseconds age) const {
  return !looked_ || Clock::now() - *looked_ >= age;
}

// What the drive tells of it without moving it.
HandFedLibrary::Inserted HandFedLibrary::describe(TapeDrive& drive, const MediumInfo& medium) {
  Inserted fresh;
  fresh.capacity_bytes = medium.capacity_bytes;
  fresh.marks = std::to_string(medium.insertion) + " " + medium.label +
                (medium.write_protected ? " protected " : " ");
  if (MediumMemory* memory = drive.features().memory; memory != nullptr) {
    const std::string serial = memory->wear().serial;
    fresh.unique = !serial.empty();
    fresh.marks += serial;
  }
  return fresh;
}

std::optional<HandFedLibrary::Inserted> HandFedLibrary::identify(TapeDrive& drive) {
  // Only then does a drive let us see all of a cartridge that was just put in.
  drive.rewind();
  const auto medium = drive.medium();
  if (!medium) {
    return std::nullopt;  // Taken out again.
  }
  Inserted fresh = describe(drive, *medium);
  try {
    const auto written =
        options_.read_label ? options_.read_label(drive) : std::optional<std::string>();
    fresh.label = written.value_or("");
  } catch (const Error& error) {
    if (error.code() == ErrorCode::exhausted || error.code() == ErrorCode::cancelled) {
      throw;
    }
    fresh.trouble = error.what();
  }
  if (fresh.label.empty()) {
    fresh.label = barcode_in_chip(drive, *medium);
  }
  if (!is_valid_label(fresh.label)) {
    fresh.label.clear();
  }
  return fresh;
}

std::optional<HandFedLibrary::Inserted> HandFedLibrary::see(const std::optional<Inserted>& known,
                                                            bool distrust, Depth depth) {
  if (depth == Depth::glance && !drive_ && parts_.glimpse) {
    const std::optional<TapeGlimpse> glimpse = parts_.glimpse();
    return glimpse ? std::optional(Inserted{.label = glimpse->label, .unread = true})
                   : std::nullopt;
  }
  TapeDrive& drive = open_drive();
  const auto medium = drive.medium();
  if (!medium) {
    return std::nullopt;
  }
  Inserted fresh = describe(drive, *medium);
  if (known && !known->unread && known->marks == fresh.marks && (known->unique || !distrust)) {
    return known;
  }
  if (depth == Depth::read) {
    return identify(drive);
  }
  MediumMemory* const memory = drive.features().memory;
  fresh.label = memory != nullptr ? label_in_chip(memory->story()) : medium->label;
  fresh.unread = true;
  return fresh;
}

void HandFedLibrary::look(std::chrono::milliseconds no_older_than, bool distrust, Depth depth) {
  std::optional<Inserted> known;
  {
    const std::lock_guard lock(mutex_);
    const bool is_enough = depth == Depth::glance || !view_.inserted || !view_.inserted->unread;
    if (!is_stale(no_older_than) && is_enough) {
      return;
    }
    known = view_.inserted;
  }
  std::optional<Inserted> now;
  std::optional<Error> trouble;
  std::string not_ready;
  try {
    now = see(known, distrust, depth);
    if (now && !is_valid_label(now->label)) {
      now->label.clear();
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::cancelled) {
      throw;
    }
    if (error.code() == ErrorCode::wrong_medium) {
      // A cleaning cartridge, or another generation: it is the human who exchanges it.
      now = Inserted{.trouble = error.what()};
    } else if (error.code() == ErrorCode::no_medium) {
      not_ready = error.what();
    } else {
      drive_.reset();  // Unplugged and back, it has to be opened again.
      trouble = error;
    }
  }
  const std::lock_guard lock(mutex_);
  view_.inserted = std::move(now);
  view_.not_ready = std::move(not_ready);
  trouble_ = std::move(trouble);
  looked_ = Clock::now();
}

void HandFedLibrary::look_unless_used(Depth depth) {
  if (std::unique_lock drive_lock(drive_mutex_, std::try_to_lock);
      drive_lock.owns_lock() && !view().in_use) {
    look(options_.look_every, false, depth);
  }
}

std::vector<MediumSlot> HandFedLibrary::media() {
  look_unless_used(Depth::read);
  return slots();
}

std::vector<MediumSlot> HandFedLibrary::glance() {
  look_unless_used(Depth::glance);
  return slots();
}

std::vector<MediumSlot> HandFedLibrary::slots() {
  const std::lock_guard lock(mutex_);
  if (trouble_) {
    throw Error(*trouble_);
  }
  std::vector<MediumSlot> slots;
  if (view_.inserted && !view_.inserted->label.empty()) {
    slots.push_back({.label = view_.inserted->label,
                     .capacity_bytes = view_.inserted->capacity_bytes,
                     .loaded = true,
                     .place = kDriveName});
  }
  return slots;
}

std::vector<DriveSlot> HandFedLibrary::drives() {
  look_unless_used(Depth::glance);
  const std::lock_guard lock(mutex_);
  DriveSlot drive{.name = kDriveName,
                  .device = parts_.device,
                  .identity = identity_text(identity_),
                  .serial = identity_.serial,
                  .notes = identity_.notes,
                  .medium = std::nullopt,
                  .in_use = view_.in_use};
  if (view_.inserted) {
    drive.medium = view_.inserted->label;
    drive.unread = view_.inserted->unread;
    drive.trouble = view_.inserted->trouble;
  }
  return {drive};
}

void HandFedLibrary::add_medium(std::string_view label, std::uint64_t /*capacity_bytes*/) {
  throw Error(ErrorCode::unsupported, "add medium " + std::string(label) + " to " + url_ +
                                          ": a cartridge cannot be made; put one into " +
                                          parts_.device + " and label it");
}

void HandFedLibrary::require_idle() {
  const View now = view();
  if (now.in_use) {
    throw Error(ErrorCode::busy, "every drive of " + url_ + " is in use: " + parts_.device +
                                     " has medium " + now.inserted.value_or(Inserted{}).label);
  }
}

std::unique_lock<std::mutex> HandFedLibrary::claim_drive(LoadWaiter& waiter,
                                                         std::chrono::milliseconds within) {
  waiter.give_up_after(within);
  std::unique_lock lock(drive_mutex_, std::defer_lock);
  for (require_idle(); !lock.try_lock(); require_idle()) {
    // Somebody looks what is in it, or waits until it is ready.
    while_not_ready(&waiter, parts_.device + " gets ready for somebody else", std::nullopt);
    waiter.pause(options_.pause);
  }
  require_idle();
  bool watched = false;
  {
    const std::lock_guard guard(mutex_);
    watched = !is_stale(options_.trust_for);
  }
  {
    const WaitsHere here(waiter_, waiter);
    look(options_.look_every, !watched, Depth::read);
  }
  const std::lock_guard guard(mutex_);
  if (trouble_) {
    throw Error(*trouble_);
  }
  return lock;
}

void HandFedLibrary::ask_for(const std::string& label, const View& now, bool may_eject) {
  std::string request = "put tape " + label + " into " + parts_.device;
  if (now.inserted && now.inserted->label.empty()) {
    request += now.inserted->trouble.empty()
                   ? ": the tape in it has no label of ours"
                   : ": the tape in it cannot be used (" + now.inserted->trouble + ")";
  } else if (now.inserted) {
    request += " in place of " + now.inserted->label;
    if (may_eject && options_.eject_for_next && ejected_for_.insert(label).second) {
      unload_drive();
      request += ", which comes out now";
    }
  } else if (!now.not_ready.empty()) {
    request += ": the drive does not get ready with what is in it (" + now.not_ready + ")";
  }
  throw Error(ErrorCode::no_medium, request);
}

void HandFedLibrary::unload_drive() {
  open_drive().unload();
  const std::lock_guard lock(mutex_);
  view_.inserted.reset();
  looked_ = Clock::now();
}

std::unique_ptr<TapeDrive> HandFedLibrary::load(std::string_view label, Access access,
                                                const LoadWatch& watch) {
  require_valid_label(label);
  const std::string name(label);
  LoadWaiter waiter(name, watch);
  const auto drive_lock = claim_drive(waiter, options_.first_load_within);
  const View now = view();
  const bool is_writing = access == Access::write;
  const bool has_no_label = now.inserted && now.inserted->label.empty();
  const bool is_damaged = has_no_label && !now.inserted->trouble.empty();
  const bool is_it = (now.inserted && now.inserted->label == name) ||
                     (has_no_label && watch.checks && !is_writing);
  // A label that cannot be read may be the label of somebody's full tape.
  const bool is_blank = has_no_label && !is_damaged;
  if (!is_it && !(is_blank && is_writing)) {
    ask_for(name, now, watch.asks_people);
  }
  TapeDrive& drive = open_drive();
  drive.rewind();
  ejected_for_.clear();
  auto lent = std::make_unique<LentDrive>(drive, name, is_writing,
                                          [this, name, has_no_label](const auto& returned) {
                                            come_back(name, returned, has_no_label);
                                          });
  const std::lock_guard lock(mutex_);
  view_.inserted->label = name;
  view_.in_use = true;
  return lent;
}

std::vector<MediumReport> HandFedLibrary::take_reports() {
  const std::lock_guard lock(mutex_);
  return reports_.take();
}

void HandFedLibrary::come_back(const std::string& label, const LentDrive::Returned& returned,
                               bool had_no_label) {
  const std::lock_guard lock(mutex_);
  view_.in_use = false;
  reports_.add(label, returned.report);
  if (!returned.report.notes.empty()) {
    identity_.notes = returned.report.notes;
  }
  if (returned.unloaded || returned.failed || returned.lost || had_no_label) {
    // What is in it now has to be seen: a label may have been written, or not.
    view_.inserted.reset();
    looked_.reset();
  } else {
    looked_ = Clock::now();
  }
}

void HandFedLibrary::unload(std::string_view label) {
  const LoadWatch nobody;
  LoadWaiter waiter(std::string(label), nobody);
  const auto drive_lock = claim_drive(waiter, options_.settle_within);
  const View now = view();
  if (!now.inserted || now.inserted->label != label) {
    throw Error(ErrorCode::not_found,
                "unload medium " + std::string(label) + ": it is not in " + parts_.device);
  }
  unload_drive();
}

std::string HandFedLibrary::export_medium(std::string_view label) {
  unload(label);
  return "the mouth of " + parts_.device;
}

void HandFedLibrary::clean(std::string_view drive_name) {
  if (drive_name != kDriveName) {
    throw Error(ErrorCode::not_found,
                "clean " + std::string(drive_name) + ": " + url_ + " has only " + kDriveName);
  }
  throw Error(ErrorCode::unsupported, "clean " + std::string(kDriveName) +
                                          ": put a cleaning cartridge into " + parts_.device +
                                          " by hand; the drive gives it out when it is done");
}

}  // namespace mixtape::tapeio
