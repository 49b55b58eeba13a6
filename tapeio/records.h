// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tapeio/byte_stream.h"
#include "tapeio/bytes.h"
#include "tapeio/tape_drive.h"

// Tape files as streams of bytes: bytes to full records and a filemark, and back.
//
// Units:    offsets in bytes from the beginning of the tape file.
// Threads:  none; they belong to the thread of their drive.
// Errors:   throw Error as the drive does, and those named below.
// Lifetime: `drive` must outlive them; they keep one record in memory.

namespace mixtape::tapeio {

class RecordWriter final : public ByteSink {
 public:
  // Writes one tape file from the head on. 0 < record_size <= kMaxRecordSize.
  RecordWriter(TapeDrive& drive, std::size_t record_size);

  // Hands full records on as they fill. At the hard end of the medium bytes are taken and dropped:
  // see reached_end().
  void write(ByteView bytes) override;
  // Writes the filemark: what was written is durable when this returns. The bytes taken must make
  // whole records (MIXTAPE_ASSERT), except after the hard end, where only whole records were
  // written.
  void finish() override;

  // The medium is close to its end: come to a close.
  [[nodiscard]] bool early_warning() const { return early_warning_; }
  // The hard end of the medium: from bytes_written() on nothing is on it. Stays true.
  [[nodiscard]] bool reached_end() const { return reached_end_; }
  // False after finish(): not even the filemark found room, so the tape file does not exist.
  [[nodiscard]] bool has_filemark() const { return has_filemark_; }
  // What is in records on the medium, durable or not; a multiple of the record size.
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  void write_record(ByteView record);

  TapeDrive& drive_;
  Bytes record_;
  std::size_t filled_ = 0;
  std::uint64_t bytes_written_ = 0;
  bool early_warning_ = false;
  bool reached_end_ = false;
  bool has_filemark_ = false;
};

class RecordReader final : public ByteSource {
 public:
  // Reads the tape file that begins at the head. `record_size`: what the medium has; at most
  // kMaxRecordSize.
  RecordReader(TapeDrive& drive, std::size_t record_size);

  // 0 after the filemark, with the head behind it. Error{corrupt} when the data ends without a
  // filemark. After an Error for a bad record the next read goes on behind it: bytes are missing
  // then, and offset() has counted a full record for it.
  [[nodiscard]] std::size_t read(MutableBytes into) override;

  // Goes on at `offset`, forward or backward, by one locate unless the head is there already; all
  // records before it must be full. Error{invalid} beyond the end of data. An offset behind the
  // filemark of this tape file is not noticed: the caller knows its length.
  void seek(std::uint64_t offset);

  // Of the byte that the next read returns first.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] bool at_filemark() const { return at_filemark_; }

 private:
  [[nodiscard]] std::optional<std::size_t> read_record(MutableBytes buffer);

  TapeDrive& drive_;
  Bytes record_;
  std::uint64_t first_block_;
  std::uint64_t next_record_ = 0;  // Of this tape file, under the head.
  std::uint64_t offset_ = 0;
  std::size_t begin_ = 0;  // What of record_ is not yet handed out.
  std::size_t end_ = 0;
  bool at_filemark_ = false;
};

}  // namespace mixtape::tapeio
