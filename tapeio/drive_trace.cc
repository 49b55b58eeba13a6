// SPDX-License-Identifier: Apache-2.0
#include "tapeio/drive_trace.h"

#include <algorithm>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::tapeio {
namespace {

using Kind = TracedOperation::Kind;

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::load:
      return "load";
    case Kind::read_record:
      return "read record";
    case Kind::write_record:
      return "write record";
    case Kind::write_filemark:
      return "write filemark";
    case Kind::rewind:
      return "rewind";
    case Kind::locate:
      return "locate";
    case Kind::space_filemarks:
      return "space filemarks";
    case Kind::seek_end_of_data:
      return "seek end of data";
  }
  return "unknown";
}

}  // namespace

bool TracedOperation::is_transfer() const {
  return kind == Kind::read_record || kind == Kind::write_record || kind == Kind::write_filemark;
}

bool TracedOperation::is_positioning() const {
  return kind != Kind::load && !is_transfer();
}

std::string to_string(const TracedOperation& operation) {
  std::string text(name_of(operation.kind));
  text.append(" ").append(std::to_string(operation.block_before));
  text.append(" -> ").append(std::to_string(operation.block_after));
  if (operation.bytes > 0) {
    text.append(", ").append(std::to_string(operation.bytes)).append(" bytes");
  }
  return operation.failed ? text + ", failed" : text;
}

void DriveTrace::append(const TracedOperation& operation) {
  const std::lock_guard lock(mutex_);
  operations_.push_back(operation);
}

void DriveTrace::clear() {
  const std::lock_guard lock(mutex_);
  operations_.clear();
}

std::vector<TracedOperation> DriveTrace::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

std::uint64_t DriveTrace::count(TracedOperation::Kind kind) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint64_t>(
      std::count_if(operations_.begin(), operations_.end(),
                    [kind](const TracedOperation& operation) { return operation.kind == kind; }));
}

std::uint64_t DriveTrace::bytes_read() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const TracedOperation& operation : operations_) {
    sum += operation.kind == Kind::read_record ? operation.bytes : 0;
  }
  return sum;
}

std::uint64_t DriveTrace::bytes_written() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const TracedOperation& operation : operations_) {
    sum += operation.kind == Kind::write_record ? operation.bytes : 0;
  }
  return sum;
}

std::uint64_t DriveTrace::seeks() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t seeks = 0;
  auto next = operations_.begin();
  while (next != operations_.end()) {
    const auto begin = std::find_if(next, operations_.end(), [](const TracedOperation& operation) {
      return operation.is_positioning();
    });
    next = std::find_if(begin, operations_.end(), [](const TracedOperation& operation) {
      return !operation.is_positioning();
    });
    if (begin != next && begin->block_before != std::prev(next)->block_after) {
      ++seeks;
    }
  }
  return seeks;
}

TracedDrive::TracedDrive(std::unique_ptr<TapeDrive> drive, DriveTrace& trace)
    : drive_(std::move(drive)), trace_(trace) {
  trace_.append({.kind = Kind::load});
}

template <typename Operation>
void TracedDrive::traced(TracedOperation::Kind kind, Operation operation) {
  TracedOperation noted{.kind = kind, .block_before = block_};
  try {
    noted.bytes = operation();
    block_ = drive_->position().block;
  } catch (const Error&) {
    noted.failed = true;
    if (drive_->medium().has_value()) {
      block_ = drive_->position().block;
    }
    noted.block_after = block_;
    trace_.append(noted);
    throw;
  }
  noted.block_after = block_;
  trace_.append(noted);
}

std::optional<MediumInfo> TracedDrive::medium() {
  return drive_->medium();
}

ReadResult TracedDrive::read_record(MutableBytes buffer) {
  ReadResult result{};
  traced(Kind::read_record, [&] {
    result = drive_->read_record(buffer);
    return result.size;
  });
  return result;
}

WriteResult TracedDrive::write_record(ByteView record) {
  WriteResult result{};
  traced(Kind::write_record, [&] {
    result = drive_->write_record(record);
    return result.written ? record.size() : 0;
  });
  return result;
}

WriteResult TracedDrive::write_filemark() {
  WriteResult result{};
  traced(Kind::write_filemark, [&] {
    result = drive_->write_filemark();
    return 0;
  });
  return result;
}

void TracedDrive::rewind() {
  traced(Kind::rewind, [&] {
    drive_->rewind();
    return 0;
  });
}

void TracedDrive::locate(std::uint64_t block) {
  traced(Kind::locate, [&] {
    drive_->locate(block);
    return 0;
  });
}

std::uint64_t TracedDrive::space_filemarks(std::int64_t count) {
  std::uint64_t passed = 0;
  traced(Kind::space_filemarks, [&] {
    passed = drive_->space_filemarks(count);
    return 0;
  });
  return passed;
}

void TracedDrive::seek_end_of_data() {
  traced(Kind::seek_end_of_data, [&] {
    drive_->seek_end_of_data();
    return 0;
  });
}

Position TracedDrive::position() {
  return drive_->position();
}

void TracedDrive::name_next_file(std::string_view hint) {
  drive_->name_next_file(hint);
}

DriveFeatures TracedDrive::features() {
  return drive_->features();
}

void TracedDrive::unload() {
  drive_->unload();
}

}  // namespace mixtape::tapeio
