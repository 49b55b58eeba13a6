// SPDX-License-Identifier: Apache-2.0
#include "tapeio/memory_drive.h"

#include <algorithm>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/write_protection.h"

namespace mixtape::tapeio {

MemoryMedium::MemoryMedium(MemoryMediumOptions options) : options_(std::move(options)) {}

std::uint64_t MemoryMedium::used_before(std::uint64_t block) const {
  if (block < objects_.size()) {
    return objects_[block].used_before;
  }
  if (objects_.empty()) {
    return 0;
  }
  const Object& last = objects_.back();
  return last.used_before +
         (last.kind == Kind::filemark ? options_.space.filemark_bytes : last.size);
}

std::uint64_t MemoryMedium::filemarks_before(std::uint64_t block) const {
  return block < objects_.size() ? objects_[block].filemarks_before : filemarks_.size();
}

void MemoryMedium::append(Kind kind, ByteView bytes) {
  Object object{.kind = kind,
                .size = bytes.size(),
                .bytes = {},
                .used_before = used_before(objects_.size()),
                .filemarks_before = filemarks_.size()};
  if (options_.keep_bytes) {
    object.bytes.assign(bytes.begin(), bytes.end());
  }
  if (kind == Kind::filemark) {
    filemarks_.push_back(objects_.size());
  }
  objects_.push_back(std::move(object));
}

void MemoryMedium::truncate(std::uint64_t block) {
  if (block >= objects_.size()) {
    return;
  }
  filemarks_.resize(filemarks_before(block));
  objects_.erase(objects_.begin() + static_cast<std::ptrdiff_t>(block), objects_.end());
}

void MemoryMedium::cut_power() {
  truncate(filemarks_.empty() ? 0 : filemarks_.back() + 1);
}

void MemoryMedium::corrupt_record(std::uint64_t block, std::size_t byte_offset) {
  MIXTAPE_ASSERT(block < objects_.size() && byte_offset < objects_[block].bytes.size());
  objects_[block].bytes[byte_offset] ^= std::byte{0xff};
}

void MemoryDrive::insert(MemoryMedium& medium) {
  medium_ = &medium;
  head_ = 0;
}

void MemoryDrive::eject() {
  medium_ = nullptr;
  head_ = 0;
}

MemoryMedium& MemoryDrive::require_medium(const char* operation) {
  if (medium_ == nullptr) {
    throw Error(ErrorCode::no_medium, std::string(operation) + ": the drive is empty");
  }
  return *medium_;
}

MemoryMedium& MemoryDrive::require_writable(const char* operation) {
  MemoryMedium& medium = require_medium(operation);
  tapeio::require_writable(
      std::string(operation) + " to medium " + medium.options_.label,
      {.loaded_for_reading = !writable_,
       .of_medium = medium.options_.write_protected ? kMoveItsSwitch : std::string_view{}});
  return medium;
}

std::optional<MediumInfo> MemoryDrive::medium() {
  if (medium_ == nullptr) {
    return std::nullopt;
  }
  const MemoryMediumOptions& options = medium_->options_;
  return MediumInfo{.label = options.label,
                    .capacity_bytes = options.space.capacity_bytes,
                    .write_protected = options.write_protected};
}

ReadResult MemoryDrive::read_record(MutableBytes buffer) {
  const MemoryMedium& medium = require_medium("read record");
  if (head_ == medium.objects_.size()) {
    return {ReadResult::Kind::end_of_data};
  }
  const MemoryMedium::Object& object = medium.objects_[head_++];
  if (object.kind == MemoryMedium::Kind::filemark) {
    return {ReadResult::Kind::filemark};
  }
  if (object.size > buffer.size()) {
    throw Error(ErrorCode::invalid, "read record " + std::to_string(head_ - 1) + " of medium " +
                                        medium.options_.label + ": it has " +
                                        std::to_string(object.size) + " bytes, the buffer " +
                                        std::to_string(buffer.size()));
  }
  if (medium.options_.keep_bytes) {
    std::copy(object.bytes.begin(), object.bytes.end(), buffer.begin());
  } else {
    std::fill_n(buffer.begin(), object.size, std::byte{0});
  }
  return {ReadResult::Kind::record, object.size};
}

WriteResult MemoryDrive::write_record(ByteView record) {
  MemoryMedium& medium = require_writable("write record");
  if (record.empty() || record.size() > kMaxRecordSize) {
    throw Error(ErrorCode::invalid, "write record of " + std::to_string(record.size()) +
                                        " bytes: records have 1 byte to 4 MiB");
  }
  const MediumSpace& space = medium.options_.space;
  if (!space.holds_record(medium.used_before(head_), record.size())) {
    return {.written = false, .early_warning = true};
  }
  medium.truncate(head_);
  medium.append(MemoryMedium::Kind::record, record);
  ++head_;
  return {.written = true, .early_warning = space.warns(medium.used_bytes())};
}

WriteResult MemoryDrive::write_filemark() {
  MemoryMedium& medium = require_writable("write filemark");
  const MediumSpace& space = medium.options_.space;
  if (!space.holds_filemark(medium.used_before(head_))) {
    return {.written = false, .early_warning = true};
  }
  medium.truncate(head_);
  medium.append(MemoryMedium::Kind::filemark, {});
  ++head_;
  return {.written = true, .early_warning = space.warns(medium.used_bytes())};
}

void MemoryDrive::rewind() {
  static_cast<void>(require_medium("rewind"));
  head_ = 0;
}

void MemoryDrive::locate(std::uint64_t block) {
  const MemoryMedium& medium = require_medium("locate");
  head_ = std::min<std::uint64_t>(block, medium.objects_.size());
  if (head_ != block) {
    throw Error(ErrorCode::invalid, "locate block " + std::to_string(block) + " of medium " +
                                        medium.options_.label + ": its data ends at block " +
                                        std::to_string(head_));
  }
}

std::uint64_t MemoryDrive::space_filemarks(std::int64_t count) {
  const MemoryMedium& medium = require_medium("space filemarks");
  const std::vector<std::uint64_t>& filemarks = medium.filemarks_;
  const std::uint64_t before = medium.filemarks_before(head_);
  if (count > 0) {
    const std::uint64_t wanted = static_cast<std::uint64_t>(count);
    const std::uint64_t passed = std::min(wanted, filemarks.size() - before);
    head_ = passed < wanted ? medium.objects_.size() : filemarks[before + passed - 1] + 1;
    return passed;
  }
  // Negated as unsigned: the most negative count has no positive counterpart.
  const std::uint64_t wanted = -static_cast<std::uint64_t>(count);
  const std::uint64_t passed = std::min(wanted, before);
  if (passed < wanted) {
    head_ = 0;
  } else if (passed > 0) {
    head_ = filemarks[before - passed];
  }
  return passed;
}

void MemoryDrive::seek_end_of_data() {
  head_ = require_medium("seek end of data").objects_.size();
}

Position MemoryDrive::position() {
  const MemoryMedium& medium = require_medium("ask position");
  return {.block = head_, .file = medium.filemarks_before(head_)};
}

void MemoryDrive::name_next_file(std::string_view) {}

}  // namespace mixtape::tapeio
