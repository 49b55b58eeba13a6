// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tapeio/medium_space.h"
#include "tapeio/tape_drive.h"

// A tape in memory. MemoryMedium is a world: it can be pulled out of one drive and put into
// another, and it loses what was not durable when the power is cut. MemoryDrive is a mechanism with
// a head.
//
// Threads:  a medium is in at most one drive at a time and belongs to that drive's thread.
// Lifetime: a medium must outlive the drive it is in.

namespace mixtape::tapeio {

struct MemoryMediumOptions {
  std::string label = "MEM001";
  MediumSpace space = MediumSpace::with_default_warning(TiB);
  bool write_protected = false;
  bool keep_bytes =
      true;  // False: records keep their sizes only and read as zeros, for benchmarks.
};

class MemoryMedium {
 public:
  explicit MemoryMedium(MemoryMediumOptions options = {});
  MemoryMedium(const MemoryMedium&) = delete;
  MemoryMedium& operator=(const MemoryMedium&) = delete;

  [[nodiscard]] const MemoryMediumOptions& options() const { return options_; }
  void set_write_protected(bool is_protected) { options_.write_protected = is_protected; }

  // Objects on the medium, durable or not; the block address of the end of data.
  [[nodiscard]] std::uint64_t object_count() const { return objects_.size(); }
  [[nodiscard]] std::uint64_t used_bytes() const { return used_before(objects_.size()); }

  // The same medium as a power failure leaves it: only what stands before the last filemark, and
  // that filemark, remain.
  void cut_power();
  // Forgets `block` and all behind it.
  void truncate(std::uint64_t block);
  // Inverts one byte of the record at `block`, as decay does that no checksum of the drive noticed.
  void corrupt_record(std::uint64_t block, std::size_t byte_offset);

 private:
  friend class MemoryDrive;
  enum class Kind { record, filemark };
  struct Object {
    Kind kind;
    std::size_t size;
    Bytes bytes;
    std::uint64_t used_before;
    std::uint64_t filemarks_before;
  };
  [[nodiscard]] std::uint64_t used_before(std::uint64_t block) const;
  [[nodiscard]] std::uint64_t filemarks_before(std::uint64_t block) const;
  void append(Kind kind, ByteView bytes);

  MemoryMediumOptions options_;
  std::vector<Object> objects_;
  std::vector<std::uint64_t> filemarks_;  // Their block addresses, ascending.
};

class MemoryDrive : public TapeDrive {
 public:
  MemoryDrive() = default;
  // Not `writable`: writing throws Error{write_protected} whatever the medium says.
  explicit MemoryDrive(MemoryMedium& medium, bool writable = true)
      : medium_(&medium), writable_(writable) {}

  // The head is at the beginning afterwards.
  void insert(MemoryMedium& medium);
  void eject();

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

 private:
  MemoryMedium& require_medium(const char* operation);
  MemoryMedium& require_writable(const char* operation);

  MemoryMedium* medium_ = nullptr;
  std::uint64_t head_ = 0;
  bool writable_ = true;
};

}  // namespace mixtape::tapeio
