// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/sim_drive.h"

#include <utility>

#include "tapeio/error.h"
#include "tapeio/medium_space.h"

namespace mixtape::tapeio::lto {
namespace {

// Density codes of LTO-5 to LTO-9 (SSC-5); the next one continues the row.
constexpr std::uint8_t kDensityOfLto5 = 0x58;

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

std::optional<MediumInfo> SimDrive::medium() {
  if (is_unloaded_) {
    return std::nullopt;
  }
  return medium_drive_->medium();
}

ReadResult SimDrive::read_record(MutableBytes buffer) {
  return noted(
      "read record", [&] { return medium_drive_->read_record(buffer); },
      [&](const ReadResult& result, std::uint64_t block, bool failed) {
        model_.note_read(result.size, block, failed);
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
  return with_early_warning(noted(
      "write record", [&] { return medium_drive_->write_record(record); },
      [&](const WriteResult& result, std::uint64_t block, bool failed) {
        model_.note_write(record.size(), block, failed || !result.written);
      }));
}

WriteResult SimDrive::write_filemark() {
  return with_early_warning(noted(
      "write filemark", [&] { return medium_drive_->write_filemark(); },
      [&](const WriteResult& result, std::uint64_t block, bool failed) {
        model_.note_filemark(block, failed || !result.written);
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

DriveFeatures SimDrive::features() {
  const GenerationFigures& figures = model_.positioning().figures();
  return {.identity = DriveIdentity{.vendor = "MIXTAPE",
                                    .product = "simulated " + std::string(figures.name),
                                    .revision = "1",
                                    .serial = model_.options().name,
                                    .notes = {"simulated: times are modelled, not measured"}},
          .memory = this,
          .gauges = this,
          .space = this,
          .wraps = this,
          .clock = &model_.clock()};
}

void SimDrive::unload() {
  if (is_unloaded_) {
    return;
  }
  medium_drive_->unload();
  model_.unload();
  is_unloaded_ = true;
}

MediumStory SimDrive::story() {
  return require_cartridge("read medium memory").story;
}

void SimDrive::write_story(const MediumStory& story) {
  require_cartridge("write medium memory").story = story;
}

MediumWear SimDrive::wear() {
  const Cartridge& cartridge = require_cartridge("read medium memory");
  const unsigned generation = model_.options().generation;
  MediumWear wear{
      .loads = cartridge.loads,
      .mebibytes_written_ever = cartridge.bytes_written / MiB,
      .mebibytes_read_ever = cartridge.bytes_read / MiB,
      .mebibytes_remaining = std::nullopt,
      .mebibytes_capacity = std::nullopt,
      .manufacturer = "SIMULATE",
      .serial = cartridge.label,
      .density = static_cast<std::uint8_t>(kDensityOfLto5 + 2 * (generation - kOldestGeneration))};
  if (const std::optional<RemainingSpace> space = remaining()) {
    wear.mebibytes_remaining = space->remaining_bytes / MiB;
    wear.mebibytes_capacity = space->capacity_bytes / MiB;
  }
  return wear;
}

DriveHealth SimDrive::health() {
  DriveHealth health;
  health.repositions = model_.repositions();
  health.underruns = model_.underruns();
  return health;
}

std::optional<RemainingSpace> SimDrive::remaining() {
  const Cartridge& cartridge = require_cartridge("ask remaining space");
  const std::optional<MediumInfo> info = medium_drive_->medium();
  if (!info.has_value() || !info->capacity_bytes.has_value()) {
    return std::nullopt;
  }
  const std::uint64_t capacity = *info->capacity_bytes;
  const std::uint64_t used = cartridge.map.end_bytes();
  return RemainingSpace{.capacity_bytes = capacity,
                        .remaining_bytes = capacity - std::min(used, capacity)};
}

bool SimDrive::warn_earlier(std::uint64_t bytes) {
  warn_earlier_bytes_ = bytes;
  return true;
}

std::vector<std::uint64_t> SimDrive::ends_of_wraps() {
  const Cartridge& cartridge = require_cartridge("read end of wraps");
  return cartridge.map.ends_of_wraps(cartridge.geometry);
}

}  // namespace mixtape::tapeio::lto
