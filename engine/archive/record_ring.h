// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "tapeio/bytes.h"

// The ring before the drive: records of ciphertext that sealers fill in any order and the drive
// takes in order. Sealed chunks go straight to their place in a record; no byte is copied on the
// way to the drive.
//
// Chunks do not divide records, so one chunk in sixteen lies across two of them and is put there in
// two parts. Buffers are made when they are first needed and taken again last in, first out: a
// drive that keeps up finds them in the processor's cache, one that does not makes the ring as deep
// as it may be.
//
// Units:   bytes; offsets count in the ciphertext of one archive.
// Threads: none; the pipeline's mutex guards it. Only the bytes of an opened window are touched
// outside.

namespace mixtape::archive {

// A stretch of ciphertext across the records that hold it.
class RecordWindow {
 public:
  // The bytes at [offset, offset + size) when they lie in one record; else empty.
  [[nodiscard]] MutableBytes at(std::uint64_t offset, std::size_t size) const;
  void put(std::uint64_t offset, ByteView bytes) const;
  void get(std::uint64_t offset, MutableBytes bytes) const;

 private:
  friend class RecordRing;
  std::uint64_t begin_ = 0;  // Offset of the first record.
  std::size_t record_size_ = 0;
  std::vector<std::byte*> records_;
};

class RecordRing {
 public:
  // At most `depth` records between the drive and the sealers.
  RecordRing(std::size_t record_size, std::size_t depth)
      : record_size_(record_size), depth_(depth) {}

  // Whether the ciphertext up to `end` may be opened now.
  [[nodiscard]] bool has_room(std::uint64_t end) const;
  // The records around [begin, end), made when new. has_room(end) must hold.
  void open(std::uint64_t begin, std::uint64_t end, RecordWindow& window);
  // What was opened has been filled.
  void filled(std::uint64_t begin, std::uint64_t end);

  // How many records in a row are complete, beginning with the next one to take.
  [[nodiscard]] std::size_t ready() const { return ready_; }
  // The next record; ready() must not be 0. Its bytes stay until it is dropped.
  [[nodiscard]] ByteView front() const;
  void drop_front();
  [[nodiscard]] std::uint64_t dropped() const { return first_; }
  [[nodiscard]] std::size_t depth() const { return depth_; }

 private:
  struct Record {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t filled = 0;
  };

  std::size_t record_size_;
  std::size_t depth_;
  std::uint64_t first_ = 0;  // Number of records_.front().
  std::size_t ready_ = 0;
  std::deque<Record> records_;
  std::vector<std::unique_ptr<std::byte[]>> spare_;
};

}  // namespace mixtape::archive
