// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>

#include "tapeio/scsi/scsi_drive.h"
#include "tapeio/scsi/scsi_features.h"
#include "tapeio/write_protection.h"

// How a cartridge comes into use in a drive, and how the drive is given back.

namespace mixtape::tapeio::scsi {
namespace {

constexpr std::uint8_t kCompressionPage = 0x0f;
constexpr std::size_t kModeBytes = 252;

// "MXTP" and the process, so that two of ours are told apart.
std::uint64_t reservation_key() {
  return std::uint64_t{0x4d585450} << 32 | static_cast<std::uint32_t>(::getpid());
}

// MODE SENSE and SELECT in the short form, which every drive has.
std::optional<ModeData> sense_mode(DriveLink& link, std::uint8_t page) {
  return parse_mode_data(link.ask("ask for modes", mode_sense_6(page, 0, kModeBytes), kModeBytes),
                         ModeForm::six);
}

bool select_mode(DriveLink& link, const ModeData& mode) {
  const Bytes list = build_mode_list(mode, ModeForm::six);
  const Outcome outcome =
      link.run("set modes", mode_select_6(static_cast<std::uint8_t>(list.size())), {}, list);
  return outcome.good || advice_for(outcome.sense).remedy == Remedy::none;
}

}  // namespace

void ScsiDrive::note(const std::string& what) {
  std::vector<std::string>& notes = support_.identity.notes;
  if (std::find(notes.begin(), notes.end(), what) == notes.end()) {
    notes.push_back(what);
  }
}

void ScsiDrive::reserve() {
  if (!options_.reserve) {
    return;
  }
  const auto persistent = [&](PersistentAction action, std::uint64_t key, std::uint64_t new_key) {
    const auto list = persistent_list(key, new_key);
    return link_.run("reserve the drive", persistent_reserve_out(action), {}, list);
  };
  const std::uint64_t key = reservation_key();
  if (persistent(PersistentAction::register_and_ignore, 0, key).good) {
    reservation_ =
        Reservation::persistent;  // As far as release() goes: the key is to be forgotten.
    try {
      if (persistent(PersistentAction::reserve, key, 0).good) {
        return;
      }
    } catch (...) {
      release();
      throw;
    }
    release();
  }
  if (link_.run("reserve the drive", reserve_6()).good) {
    reservation_ = Reservation::simple;
    return;
  }
  note("no reservation: keep other hosts away from this drive yourself");
}

void ScsiDrive::release() noexcept {
  if (features_) {
    features_->give_back_warning();
  }
  if (is_door_locked_) {
    static_cast<void>(link_.attempt(prevent_removal(false)));
    is_door_locked_ = false;
  }
  if (reservation_ == Reservation::persistent) {
    // To forget the key releases what it reserved.
    const auto list = persistent_list(reservation_key(), 0);
    static_cast<void>(
        link_.attempt(persistent_reserve_out(PersistentAction::register_key), {}, list));
  } else if (reservation_ == Reservation::simple) {
    static_cast<void>(link_.attempt(release_6()));
  }
  reservation_ = Reservation::none;
}

// False: there is no cartridge. Waits for what gets ready by itself.
bool ScsiDrive::is_ready(const std::string& what) {
  const auto begun = std::chrono::steady_clock::now();
  bool was_loaded = false;
  for (;;) {
    const Outcome outcome = link_.run(what, test_unit_ready());
    const Advice advice = advice_for(outcome.sense);
    if (outcome.good || (outcome.sense.understood && advice.remedy == Remedy::none)) {
      return true;
    }
    if (advice.remedy == Remedy::load && !was_loaded) {
      link_.must("load the cartridge", load_tape());
      was_loaded = true;
      continue;
    }
    if (advice.code == ErrorCode::no_medium) {
      return false;
    }
    const auto waited =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begun);
    if (advice.remedy != Remedy::wait || waited > options_.longest_wait) {
      link_.fail(what, outcome.sense);
    }
    options_.on_wait({.message = "drive " + link_.transport().name() + ": " +
                                 name_of_additional(outcome.sense.asc, outcome.sense.ascq),
                      .progress = outcome.sense.progress,
                      .waited = waited});
    link_.pause();
  }
}

bool ScsiDrive::wait_until_ready() {
  was_unloaded_ = false;
  if (!is_ready("wait for the drive")) {
    positions_.reset();
    return false;
  }
  if (!positions_ || !link_.lost().empty()) {
    prepare();
  }
  return true;
}

void ScsiDrive::set_modes() {
  auto mode = sense_mode(link_, kCompressionPage);
  const bool has_page = mode && mode->page.size() >= 3;
  if (!mode) {
    mode = sense_mode(link_, 0x00);
  }
  if (!mode) {
    throw Error(ErrorCode::unsupported, "open " + link_.transport().name() +
                                            ": the drive does not tell its modes (MODE SENSE)");
  }
  write_protected_ = mode->write_protected;
  mode->block_size = 0;
  mode->buffered_mode = 1;
  mode->density = 0;  // 0: as the medium has it.
  // What we write is encrypted, and a drive that tries to compress it only makes it longer. What
  // others wrote with compression is still read.
  if (has_page) {
    mode->page[2] &= std::byte{0x7f};
    if (select_mode(link_, *mode)) {
      note("compression is off, and the speed is the drive's own choice");
      return;
    }
  }
  note("no control of compression");
  mode->page.clear();
  if (!select_mode(link_, *mode)) {
    throw Error(ErrorCode::unsupported, "open " + link_.transport().name() +
                                            ": the drive does not take records of variable size");
  }
}

// What a drive says here it may not keep to (tgt takes more): records are chosen by it, and it
// explains a refusal; nothing is refused because of it.
void ScsiDrive::ask_block_limits() {
  const auto limits = parse_block_limits(link_.ask("ask for block limits", read_block_limits(), 6));
  limits_ = limits.value_or(BlockLimits{});
  if (!limits) {
    note("no READ BLOCK LIMITS: the largest record shows when it is written");
  }
}

std::size_t ScsiDrive::most_record() const {
  std::size_t most = std::min(kMaxRecordSize, link_.transport().most_data());
  if (limits_.largest > 0) {
    most = std::min<std::size_t>(most, limits_.largest);
  }
  const std::size_t granule = std::size_t{1} << std::min<unsigned>(limits_.granularity, 22);
  return most < granule ? most : most - most % granule;
}

void ScsiDrive::prepare() {
  ++insertion_;
  warned_from_.reset();
  if (!link_.lost().empty()) {
    reserve();  // A reset forgets it; taking it twice changes nothing.
  }
  const PositioningSupport positioning = try_positioning(link_, support_.operations);
  set_modes();
  features_->renew_warning();
  ask_block_limits();
  if (options_.lock_door) {
    is_door_locked_ = link_.run("lock the door", prevent_removal(true)).good;
    if (!is_door_locked_) {
      note("no lock of the door: do not press the eject button while it works");
    }
  }
  if (!positioning.has_complete_position) {
    note(positioning.has_brief_position
             ? "no long form of READ POSITION: filemarks are counted, from the beginning"
             : "no READ POSITION: blocks are counted, by reading what is unknown once");
  }
  if (!positioning.has_locate()) {
    note("no LOCATE: positions by rewinding and spacing");
  }
  positions_ = positioning.has_complete_position && positioning.has_locate()
                   ? asked_positions(link_, positioning)
                   : counted_positions(link_, positioning);
  link_.regain_position();
  positions_->rewind();
}

void ScsiDrive::require_medium(const char* operation) {
  if (positions_ && link_.lost().empty()) {
    return;
  }
  if (was_unloaded_ || !is_ready(operation)) {
    positions_.reset();
    link_.lose_position(ErrorCode::no_medium, "there is no cartridge in the drive: put one in");
    throw Error(ErrorCode::no_medium, std::string(operation) +
                                          ": there is no cartridge in the drive " +
                                          link_.transport().name() + ": put one in");
  }
  if (!positions_) {
    prepare();
  }
}

void ScsiDrive::require_position(const char* operation) {
  if (!link_.lost().empty()) {
    throw Error(link_.lost_code(), std::string(operation) + ": " + link_.lost());
  }
  require_medium(operation);
}

void ScsiDrive::require_writable(const char* operation) {
  require_position(operation);
  tapeio::require_writable(std::string(operation) + " to medium " + options_.label,
                           {.loaded_for_reading = !options_.writable,
                            .of_medium = write_protected_ ? kMoveItsSwitch : std::string_view{}});
}

HeadPositions& ScsiDrive::moving(const char* operation) {
  if (!link_.lost().empty()) {
    positions_.reset();
  }
  require_medium(operation);
  return *positions_;
}

std::optional<MediumInfo> ScsiDrive::medium() {
  if (was_unloaded_) {
    // Some drives draw in again what they gave out, when told to load: only what is ready by itself
    // is the next cartridge.
    const auto ready = link_.attempt(test_unit_ready());
    if (!ready || !ready->good) {
      return std::nullopt;
    }
    was_unloaded_ = false;
  }
  if (!is_ready("look for a cartridge")) {
    link_.lose_position(ErrorCode::no_medium, "the cartridge was taken out: load it again");
    return std::nullopt;
  }
  if (!positions_ || !link_.lost().empty()) {
    // What is there now must be looked at anew; where its head was has no meaning to anybody.
    const std::string lost = link_.lost();
    const ErrorCode code = link_.lost_code();
    prepare();
    if (!lost.empty()) {
      link_.lose_position(code, lost);
    }
  }
  MediumInfo info{.label = options_.label,
                  .write_protected = write_protected_,
                  .most_record_bytes = most_record(),
                  .insertion = insertion_};
  const DriveFeatures has = features();
  if (info.label.empty() && has.memory != nullptr) {
    info.label = has.memory->story().barcode;
  }
  if (has.space != nullptr) {
    if (const auto space = has.space->remaining(); space && space->capacity_bytes > 0) {
      info.capacity_bytes = space->capacity_bytes;
    }
  }
  return info;
}

void ScsiDrive::unload() {
  if (is_door_locked_) {
    static_cast<void>(link_.attempt(prevent_removal(false)));
    is_door_locked_ = false;
  }
  const Outcome outcome = link_.run("unload the cartridge", unload_tape());
  if (!outcome.good && advice_for(outcome.sense).code != ErrorCode::no_medium &&
      advice_for(outcome.sense).remedy != Remedy::none) {
    link_.fail("unload the cartridge", outcome.sense);
  }
  positions_.reset();
  was_unloaded_ = true;
  link_.lose_position(ErrorCode::no_medium, "the cartridge was unloaded: load it again");
}

}  // namespace mixtape::tapeio::scsi
