// SPDX-License-Identifier: Apache-2.0
#include "tapeio/faulty_drive.h"

#include <utility>

#include "tapeio/error.h"

namespace mixtape::tapeio {

FaultyDrive::FaultyDrive(std::unique_ptr<TapeDrive> drive, FaultPlan plan)
    : drive_(std::move(drive)), plan_(std::move(plan)) {}

void FaultyDrive::require_power() const {
  if (!has_power_) {
    throw PowerCut{operations_};
  }
}

void FaultyDrive::begin_operation(const char* name) {
  require_power();
  if (operations_ == plan_.cut_power_before_operation) {
    has_power_ = false;
    plan_.on_power_cut();
    throw PowerCut{operations_};
  }
  const std::uint64_t operation = operations_++;
  if (operation == plan_.fail_operation) {
    throw Error(ErrorCode::io,
                std::string(name) + ": planned fault of operation " + std::to_string(operation));
  }
}

void FaultyDrive::begin_write(const char* name) {
  const std::uint64_t write = writes_++;
  begin_operation(name);
  if (write == plan_.fail_write) {
    throw Error(ErrorCode::io,
                std::string(name) + ": planned fault of write " + std::to_string(write));
  }
}

void FaultyDrive::fail_at(const char* attempt, std::uint64_t block) {
  const std::optional<MediumInfo> info = drive_->medium();
  throw Error(ErrorCode::bad_medium, attempt + std::to_string(block) + " of medium " +
                                         (info ? info->label : "") +
                                         ": the tape is worn there; copy what is on it "
                                         "and take it out of use");
}

bool FaultyDrive::warns() const {
  return plan_.early_warning_after_bytes.has_value() &&
         bytes_written_ >= *plan_.early_warning_after_bytes;
}

bool FaultyDrive::is_behind_end() const {
  return plan_.ends_at_block.has_value() && drive_->position().block >= *plan_.ends_at_block;
}

WriteResult FaultyDrive::with_early_warning(std::uint64_t block, WriteResult result) const {
  const bool in_zone = plan_.warns_from_block.has_value() && block >= *plan_.warns_from_block;
  return {.written = result.written, .early_warning = result.early_warning || in_zone || warns()};
}

std::optional<MediumInfo> FaultyDrive::medium() {
  require_power();
  std::optional<MediumInfo> info = drive_->medium();
  if (info && warns()) {
    info->shortage = plan_.shortage;
  }
  return info;
}

ReadResult FaultyDrive::read_record(MutableBytes buffer) {
  begin_operation("read record");
  const std::uint64_t block = drive_->position().block;
  const ReadResult result = drive_->read_record(buffer);
  if (result.kind == ReadResult::Kind::record) {
    if (plan_.bad_records.contains(block)) {
      fail_at("read record ", block);
    }
    if (plan_.flipped_records.contains(block)) {
      buffer[0] ^= std::byte{0xff};
    }
  }
  return result;
}

WriteResult FaultyDrive::write_record(ByteView record) {
  begin_write("write record");
  const std::uint64_t block = drive_->position().block;
  if (plan_.unwritable_records.contains(block)) {
    fail_at("write record ", block);
  }
  const bool is_too_much = plan_.hard_end_after_bytes.has_value() &&
                           bytes_written_ + record.size() > *plan_.hard_end_after_bytes;
  if (is_too_much || is_behind_end()) {
    return {.written = false, .early_warning = true};
  }
  const WriteResult result = drive_->write_record(record);
  if (result.written) {
    bytes_written_ += record.size();
  }
  return with_early_warning(block, result);
}

WriteResult FaultyDrive::write_filemark() {
  begin_write("write filemark");
  if (plan_.ends_for_filemarks && is_behind_end()) {
    return {.written = false, .early_warning = true};
  }
  const std::uint64_t block = drive_->position().block;
  return with_early_warning(block, drive_->write_filemark());
}

void FaultyDrive::rewind() {
  begin_operation("rewind");
  drive_->rewind();
}

void FaultyDrive::locate(std::uint64_t block) {
  begin_operation("locate");
  drive_->locate(block);
}

std::uint64_t FaultyDrive::space_filemarks(std::int64_t count) {
  begin_operation("space filemarks");
  return drive_->space_filemarks(count);
}

void FaultyDrive::seek_end_of_data() {
  begin_operation("seek end of data");
  drive_->seek_end_of_data();
}

Position FaultyDrive::position() {
  require_power();
  return drive_->position();
}

void FaultyDrive::name_next_file(std::string_view hint) {
  require_power();
  drive_->name_next_file(hint);
}

DriveFeatures FaultyDrive::features() {
  require_power();
  return drive_->features();
}

void FaultyDrive::unload() {
  require_power();
  drive_->unload();
}

}  // namespace mixtape::tapeio
