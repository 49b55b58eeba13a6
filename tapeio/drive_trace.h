// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/tape_drive.h"

// What a drive was made to do, operation by operation, and a drive that writes it down.

namespace mixtape::tapeio {

struct TracedOperation {
  enum class Kind {
    load,  // A medium was put into the drive: the head is at the beginning.
    read_record,
    write_record,
    write_filemark,
    rewind,
    locate,
    space_filemarks,
    seek_end_of_data,
  };
  Kind kind;
  std::uint64_t block_before = 0;
  std::uint64_t block_after = 0;
  std::uint64_t bytes = 0;  // Moved to or from the medium.
  bool failed = false;      // Ended with an Error.
  bool operator==(const TracedOperation&) const = default;

  [[nodiscard]] bool is_transfer() const;     // Reading or writing of records and filemarks.
  [[nodiscard]] bool is_positioning() const;  // Rewind, locate, space, end of data.
};

// "locate 7 -> 1024" and so on, for messages of tests and logs.
[[nodiscard]] std::string to_string(const TracedOperation& operation);

// Threads: internally synchronised, so that a test may look while a drive works.
class DriveTrace {
 public:
  void append(const TracedOperation& operation);
  void clear();

  [[nodiscard]] std::vector<TracedOperation> operations() const;
  [[nodiscard]] std::uint64_t count(TracedOperation::Kind kind) const;
  [[nodiscard]] std::uint64_t bytes_read() const;
  [[nodiscard]] std::uint64_t bytes_written() const;

  // How often the tape had to move without data passing: maximal runs of positioning operations,
  // with no transfer or load among them, that end at another block address than they began at. A
  // load leaves the head at the beginning and is no seek itself.
  [[nodiscard]] std::uint64_t seeks() const;

 private:
  mutable std::mutex mutex_;
  std::vector<TracedOperation> operations_;  // Guarded by mutex_.
};

// Passes every call on and notes it. What only asks (medium, position) or names is no operation.
// Lifetime: `trace` must outlive the drive.
class TracedDrive final : public TapeDrive {
 public:
  TracedDrive(std::unique_ptr<TapeDrive> drive, DriveTrace& trace);

  [[nodiscard]] std::optional<MediumInfo> medium() override;
  [[nodiscard]] ReadResult read_record(MutableBytes buffer) override;
  [[nodiscard]] WriteResult write_record(ByteView record) override;
  [[nodiscard]] WriteResult write_filemark() override;
  void rewind() override;
  void locate(std::uint64_t block) override;
  [[nodiscard]] std::uint64_t space_filemarks(std::int64_t count) override;
  void seek_end_of_data() override;
  [[nodiscard]] Position position() override;
  void name_next_file(std::string_view hint) override;
  [[nodiscard]] DriveFeatures features() override;
  void unload() override;

 private:
  // Runs `operation`, which returns the bytes it moved, and notes it with its outcome.
  template <typename Operation>
  void traced(TracedOperation::Kind kind, Operation operation);

  std::unique_ptr<TapeDrive> drive_;
  DriveTrace& trace_;
  std::uint64_t block_ =
      0;  // Where the head stood last: asking before each operation might cost time.
};

}  // namespace mixtape::tapeio
