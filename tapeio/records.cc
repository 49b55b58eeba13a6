// SPDX-License-Identifier: Apache-2.0
#include "tapeio/records.h"

#include <algorithm>
#include <string>

#include "tapeio/error.h"

namespace mixtape::tapeio {

RecordWriter::RecordWriter(TapeDrive& drive, std::size_t record_size)
    : drive_(drive), record_(record_size) {
  MIXTAPE_ASSERT(record_size > 0 && record_size <= kMaxRecordSize);
}

void RecordWriter::write(ByteView bytes) {
  MIXTAPE_ASSERT(!has_filemark_);
  while (!bytes.empty() && !reached_end_) {
    if (filled_ == 0 && bytes.size() >= record_.size()) {
      write_record(bytes.first(record_.size()));
      bytes = bytes.subspan(record_.size());
      continue;
    }
    const std::size_t size = std::min(bytes.size(), record_.size() - filled_);
    std::copy_n(bytes.begin(), size, record_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += size;
    bytes = bytes.subspan(size);
    if (filled_ == record_.size()) {
      write_record(record_);
      filled_ = 0;
    }
  }
}

void RecordWriter::write_record(ByteView record) {
  const WriteResult result = drive_.write_record(record);
  early_warning_ = early_warning_ || result.early_warning;
  reached_end_ = !result.written;
  bytes_written_ += result.written ? record.size() : 0;
}

void RecordWriter::finish() {
  MIXTAPE_ASSERT(filled_ == 0 || reached_end_);
  MIXTAPE_ASSERT(!has_filemark_);
  const WriteResult result = drive_.write_filemark();
  early_warning_ = early_warning_ || result.early_warning;
  has_filemark_ = result.written;
}

RecordReader::RecordReader(TapeDrive& drive, std::size_t record_size)
    : drive_(drive), record_(record_size), first_block_(drive.position().block) {
  MIXTAPE_ASSERT(record_size > 0 && record_size <= kMaxRecordSize);
}

// Reads the record under the head into `buffer`; nullopt at the filemark.
std::optional<std::size_t> RecordReader::read_record(MutableBytes buffer) {
  // Counted before it is read: also a bad record is behind the head afterwards.
  const std::uint64_t offset_before = offset_;
  ++next_record_;
  offset_ = next_record_ * record_.size();
  const ReadResult result = drive_.read_record(buffer);
  switch (result.kind) {
    case ReadResult::Kind::record:
      offset_ = (next_record_ - 1) * record_.size();
      return result.size;
    case ReadResult::Kind::filemark:
      offset_ = offset_before;
      at_filemark_ = true;
      return std::nullopt;
    case ReadResult::Kind::end_of_data:
      break;
  }
  --next_record_;
  offset_ = offset_before;
  throw Error(ErrorCode::corrupt, "read tape file at block " + std::to_string(first_block_) +
                                      ": the data ends at block " +
                                      std::to_string(first_block_ + next_record_) +
                                      " without a filemark");
}

std::size_t RecordReader::read(MutableBytes into) {
  if (into.empty()) {
    return 0;
  }
  if (begin_ == end_) {
    if (at_filemark_) {
      return 0;
    }
    const bool fits = into.size() >= record_.size();
    const auto size = read_record(fits ? into.first(record_.size()) : MutableBytes(record_));
    if (!size.has_value()) {
      return 0;
    }
    if (fits) {
      begin_ = end_ = 0;
      offset_ += *size;
      return *size;
    }
    begin_ = 0;
    end_ = *size;
  }
  const std::size_t size = std::min(into.size(), end_ - begin_);
  std::copy_n(record_.begin() + static_cast<std::ptrdiff_t>(begin_), size, into.begin());
  begin_ += size;
  offset_ += size;
  return size;
}

void RecordReader::seek(std::uint64_t offset) {
  const std::uint64_t target = offset / record_.size();
  const std::size_t within = static_cast<std::size_t>(offset % record_.size());
  if (end_ > 0 && target + 1 == next_record_ && within <= end_ && !at_filemark_) {
    begin_ = within;
    offset_ = offset;
    return;
  }
  begin_ = end_ = 0;
  if (target != next_record_ || at_filemark_) {
    drive_.locate(first_block_ + target);
    next_record_ = target;
    at_filemark_ = false;
  }
  offset_ = target * record_.size();
  if (within == 0) {
    return;
  }
  const std::optional<std::size_t> size = read_record(record_);
  if (size.value_or(0) < within) {
    throw Error(ErrorCode::invalid, "read tape file at block " + std::to_string(first_block_) +
                                        " from byte " + std::to_string(offset) +
                                        ": it ends at byte " + std::to_string(offset_));
  }
  begin_ = within;
  end_ = *size;
  offset_ = offset;
}

}  // namespace mixtape::tapeio
