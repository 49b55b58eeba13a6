// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/record_ring.h"

#include <algorithm>
#include <cstring>

#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

// Calls `part(place in the record's bytes, offset in the caller's bytes, size)` for each record
// touched.
template <typename Part>
void for_each_part(std::uint64_t offset, std::size_t size, std::size_t record_size, Part part) {
  std::size_t done = 0;
  while (done < size) {
    const std::uint64_t at = offset + done;
    const std::size_t in_record = static_cast<std::size_t>(at % record_size);
    const std::size_t count = std::min(size - done, record_size - in_record);
    part(static_cast<std::size_t>(at / record_size), in_record, done, count);
    done += count;
  }
}

}  // namespace

MutableBytes RecordWindow::at(std::uint64_t offset, std::size_t size) const {
  const std::uint64_t from = offset - begin_;
  const std::size_t in_record = static_cast<std::size_t>(from % record_size_);
  if (in_record + size > record_size_) {
    return {};
  }
  return {records_[from / record_size_] + in_record, size};
}

void RecordWindow::put(std::uint64_t offset, ByteView bytes) const {
  for_each_part(
      offset - begin_, bytes.size(), record_size_,
      [&](std::size_t record, std::size_t in_record, std::size_t from, std::size_t count) {
        std::memcpy(records_[record] + in_record, bytes.data() + from, count);
      });
}

void RecordWindow::get(std::uint64_t offset, MutableBytes bytes) const {
  for_each_part(
      offset - begin_, bytes.size(), record_size_,
      [&](std::size_t record, std::size_t in_record, std::size_t from, std::size_t count) {
        std::memcpy(bytes.data() + from, records_[record] + in_record, count);
      });
}

bool RecordRing::has_room(std::uint64_t end) const {
  return end <= (first_ + depth_) * record_size_;
}

void RecordRing::open(std::uint64_t begin, std::uint64_t end, RecordWindow& window) {
  MIXTAPE_ASSERT(begin >= first_ * record_size_ && has_room(end));
  const std::uint64_t from = begin / record_size_;
  const std::uint64_t to = round_up(end, record_size_) / record_size_;
  while (first_ + records_.size() < to) {
    Record record;
    if (spare_.empty()) {
      record.bytes = std::make_unique_for_overwrite<std::byte[]>(record_size_);
    } else {
      record.bytes = std::move(spare_.back());
      spare_.pop_back();
    }
    records_.push_back(std::move(record));
  }
  window.begin_ = from * record_size_;
  window.record_size_ = record_size_;
  window.records_.clear();
  for (std::uint64_t record = from; record < to; ++record) {
    window.records_.push_back(records_[record - first_].bytes.get());
  }
}

void RecordRing::filled(std::uint64_t begin, std::uint64_t end) {
  for_each_part(begin, static_cast<std::size_t>(end - begin), record_size_,
                [&](std::size_t record, std::size_t, std::size_t, std::size_t count) {
                  records_[record - first_].filled += count;
                });
  while (ready_ < records_.size() && records_[ready_].filled == record_size_) {
    ++ready_;
  }
}

ByteView RecordRing::front() const {
  MIXTAPE_ASSERT(ready_ > 0);
  return {records_.front().bytes.get(), record_size_};
}

void RecordRing::drop_front() {
  MIXTAPE_ASSERT(ready_ > 0);
  spare_.push_back(std::move(records_.front().bytes));
  records_.pop_front();
  ++first_;
  --ready_;
}

}  // namespace mixtape::archive
