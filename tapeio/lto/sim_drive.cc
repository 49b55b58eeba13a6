// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/sim_drive.h"

#include <utility>

#include "tapeio/error.h"
#include "tapeio/medium_space.h"
#include "tapeio/tape_alerts.h"
#include "tapeio/write_protection.h"

namespace mixtape::tapeio::lto {
namespace {

constexpr std::string_view kReadOnlyGeneration =
    "this drive only reads cartridges of its generation: take a newer one";

}  // namespace

SimDrive::SimDrive(std::unique_ptr<TapeDrive> medium_drive, DriveModel& model,
                   std::function<void(const DriveReport&)> on_return)
    : medium_drive_(std::move(medium_drive)), model_(model), on_return_(std::move(on_return)) {}

SimDrive::~SimDrive() {
  model_.settle();
  const DriveReport report = report_of(*this);
  // The medium is free before its drive is: whoever gets the drive next may want to write.
  medium_drive_.reset();
  if (on_return_) {
    on_return_(report);
  }
}

Cartridge& SimDrive::require_cartridge(const char* operation) {
  if (is_unloaded_ || model_.cartridge() == nullptr) {
    throw Error(ErrorCode::no_medium,
                std::string(operation) + ": " + model_.options().name + " (simulated) is empty");
  }
  return *model_.cartridge();
}

std::uint64_t SimDrive::block_now() {
  return medium_drive_->medium().has_value() ? medium_drive_->position().block : 0;
}

// Does the operation and tells the model where it left the head, also when it failed.
template <typename Operation, typename Note>
auto SimDrive::noted(const char* name, Operation operation, Note note) {
  static_cast<void>(require_cartridge(name));
  model_.begin_operation();
  const auto result = [&] {
    try {
      return operation();
    } catch (const Error&) {
      note(decltype(operation()){}, block_now(), true);
      throw;
    }
  }();
  note(result, block_now(), false);
  return result;
}

std::string_view SimDrive::protection(const Cartridge& cartridge) const {
  if (cartridge.chip.is_write_protected) {
    return kMoveItsSwitch;
  }
  const Fit fit = fit_of(model_.options().generation, cartridge.chip.generation);
  return fit == Fit::writes ? std::string_view{} : kReadOnlyGeneration;
}

void SimDrive::require_writable(const char* operation) {
  const Cartridge& cartridge = require_cartridge(operation);
  const std::string_view reason = protection(cartridge);
  if (!reason.empty()) {
    raised_.insert(cartridge.chip.is_write_protected ? kWriteProtected : kReadOnlyFormat);
  }
  tapeio::require_writable(std::string(operation) + " to medium " + cartridge.label,
                           {.of_medium = reason});
}

std::optional<MediumInfo> SimDrive::medium() {
  if (is_unloaded_) {
    return std::nullopt;
  }
  std::optional<MediumInfo> info = medium_drive_->medium();
  if (info && model_.cartridge() != nullptr) {
    info->write_protected = info->write_protected || !protection(*model_.cartridge()).empty();
  }
  return info;
}

template <typename Operation>
auto SimDrive::judged(std::uint8_t alert, std::uint64_t& failures, Operation operation) {
  const bool is_worn = model_.cartridge() != nullptr && model_.cartridge()->chip.is_worn();
  try {
    const auto result = operation();
    if (is_worn) {
      raised_.insert(alert == kReadFailure ? kReadWarning : kWriteWarning);
    }
    return result;
  } catch (const Error& error) {
    if (is_of_medium(error.code())) {  // Others are of the request, not of the tape.
      ++failures;
      raised_.insert(alert);
      if (is_worn) {
        raised_.insert(kMediaWornOut);
      }
    }
    throw;
  }
}

ReadResult SimDrive::read_record(MutableBytes buffer) {
  return judged(kReadFailure, failed_reads_, [&] {
    return noted(
        "read record", [&] { return medium_drive_->read_record(buffer); },
        [&](const ReadResult& result, std::uint64_t block, bool failed) {
          model_.note_read(result.size, block, failed);
        });
  });
}

WriteResult SimDrive::with_early_warning(WriteResult result) {
  if (result.written && !result.early_warning && warn_earlier_bytes_ > 0) {
    const std::optional<RemainingSpace> space = remaining();
    if (space.has_value()) {
      const MediumSpace own = MediumSpace::with_default_warning(space->capacity_bytes);
      result.early_warning =
          space->remaining_bytes <= own.early_warning_bytes + warn_earlier_bytes_;
    }
  }
  return result;
}

WriteResult SimDrive::write_record(ByteView record) {
  require_writable("write record");
  return with_early_warning(judged(kWriteFailure, failed_writes_, [&] {
    return noted(
        "write record", [&] { return medium_drive_->write_record(record); },
        [&](const WriteResult& result, std::uint64_t block, bool failed) {
          model_.note_write(record.size(), block, failed || !result.written);
        });
  }));
}

WriteResult SimDrive::write_filemark() {
  require_writable("write filemark");
  return with_early_warning(judged(kWriteFailure, failed_writes_, [&] {
    return noted(
        "write filemark", [&] { return medium_drive_->write_filemark(); },
        [&](const WriteResult& result, std::uint64_t block, bool failed) {
          model_.note_filemark(block, failed || !result.written);
        });
  }));
}

void SimDrive::rewind() {
  static_cast<void>(noted(
      "rewind", [&] { return medium_drive_->rewind(), true; },
      [&](bool, std::uint64_t block, bool failed) {
        failed ? model_.note_locate("rewind", block, true) : model_.note_rewind();
      }));
}

void SimDrive::locate(std::uint64_t block) {
  static_cast<void>(noted(
      "locate", [&] { return medium_drive_->locate(block), true; },
      [&](bool, std::uint64_t now, bool failed) { model_.note_locate("locate", now, failed); }));
}

std::uint64_t SimDrive::space_filemarks(std::int64_t count) {
  return noted(
      "space filemarks", [&] { return medium_drive_->space_filemarks(count); },
      [&](std::uint64_t, std::uint64_t now, bool failed) {
        model_.note_locate("space", now, failed);
      });
}

void SimDrive::seek_end_of_data() {
  static_cast<void>(noted(
      "seek end of data", [&] { return medium_drive_->seek_end_of_data(), true; },
      [&](bool, std::uint64_t now, bool failed) { model_.note_locate("end", now, failed); }));
}

Position SimDrive::position() {
  static_cast<void>(require_cartridge("ask position"));
  return medium_drive_->position();
}

void SimDrive::name_next_file(std::string_view hint) {
  medium_drive_->name_next_file(hint);
}

void SimDrive::unload() {
  if (is_unloaded_) {
    return;
  }
  medium_drive_->unload();
  if (const Cartridge* cartridge = model_.cartridge()) {
    try {
      cartridge->keep(cartridge->chip);
    } catch (const Error&) {
      // Its counts are lost, and nothing depends on them.
    }
  }
  model_.unload();
  is_unloaded_ = true;
}

}  // namespace mixtape::tapeio::lto
