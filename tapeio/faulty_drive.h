// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tapeio/tape_drive.h"

// A drive that fails as planned, over any other drive.

namespace mixtape::tapeio {

// Operations are what moves the head or data; they are counted from 0 from the making of the drive.
// medium(), position() and name_next_file() are not counted. Each fault happens once, except where
// a medium is full or bad or the power is gone: these last.
struct FaultPlan {
  // This operation throws Error{io} and does nothing.
  std::optional<std::uint64_t> fail_operation = std::nullopt;
  // This write (records and filemarks counted together, from 0) throws Error{io} and writes
  // nothing.
  std::optional<std::uint64_t> fail_write = std::nullopt;
  // Once so many bytes of records went through this drive, writes report early warning.
  std::optional<std::uint64_t> early_warning_after_bytes = std::nullopt;
  // The medium's shortage once it warned so.
  std::string shortage = {};
  // A record that would exceed so many bytes is not written: the hard end. Filemarks still are.
  std::optional<std::uint64_t> hard_end_after_bytes = std::nullopt;
  // Where the medium itself ends, whatever it claims to hold: writes of an object at this block
  // address or behind it report early warning; no record is written at this one or behind it.
  std::optional<std::uint64_t> warns_from_block = std::nullopt;
  std::optional<std::uint64_t> ends_at_block = std::nullopt;
  // Behind that end there is no room for filemarks either.
  bool ends_for_filemarks = false;
  // Block addresses of records that cannot be read: Error{bad_medium}, the head stands after the
  // record.
  std::set<std::uint64_t> bad_records = {};
  // Block addresses where no record can be written: Error{bad_medium}, the head stays.
  std::set<std::uint64_t> unwritable_records = {};
  // Block addresses of records that come back with their first byte inverted, unnoticed by the
  // drive.
  std::set<std::uint64_t> flipped_records = {};
  // Before this operation the power goes: it and all that is asked of the drive later throw
  // PowerCut.
  std::optional<std::uint64_t> cut_power_before_operation = std::nullopt;
  // Called once, when the power goes: makes the medium forget what was not durable.
  std::function<void()> on_power_cut = [] {};
};

// The end of the world for a test. No Error, so that no code under test can handle it.
struct PowerCut {
  std::uint64_t operation;  // The one that did not happen any more.
};

class FaultyDrive final : public TapeDrive {
 public:
  FaultyDrive(std::unique_ptr<TapeDrive> drive, FaultPlan plan);

  // How many operations were asked for so far, that is how many steps a crash sweep has.
  [[nodiscard]] std::uint64_t operations() const { return operations_; }

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
  void require_power() const;
  void begin_operation(const char* name);
  void begin_write(const char* name);
  [[noreturn]] void fail_at(const char* attempt, std::uint64_t block);
  [[nodiscard]] bool warns() const;
  [[nodiscard]] bool is_behind_end() const;
  [[nodiscard]] WriteResult with_early_warning(std::uint64_t block, WriteResult result) const;

  std::unique_ptr<TapeDrive> drive_;
  FaultPlan plan_;
  std::uint64_t operations_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t bytes_written_ = 0;
  bool has_power_ = true;
};

}  // namespace mixtape::tapeio
