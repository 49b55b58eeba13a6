// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tapeio/device_file.h"
#include "tapeio/st_side_band.h"
#include "tapeio/tape_drive.h"

// A tape drive behind Linux' st driver: /dev/nst0, or the name under /dev/tape/by-id that stays.
//
// The drive is opened for this program alone and rewound. Records are variable blocks; a drive that
// refuses these takes only records of its one block size (others: Error{unsupported}). Nothing is
// buffered by the driver, filemarks are synchronous and compression is off, whatever was set before
// us.
//
// What it offers besides (drive_features.h) is asked beside the driver, where the kernel lets this
// user: see st_side_band.h. When that brings to light that another cartridge may be in, or that the
// drive was reset, reading, writing and position() throw until the head was sent somewhere.
//
// File numbers after a locate come from the drive (READ POSITION, long form), which the kernel
// lets only root ask; without, position() counts filemarks from the beginning once, which takes
// minutes. A drive that tells no positions at all is read through from the beginning instead; its
// identity notes say so.
//
// A drive that marks the end of data as the end of the tape, too, lets the driver answer a full
// buffer of nothing there. Such an answer is the end of data unless the position says otherwise.
//
// Errors: as tape_drive.h; `locked` when another program has the drive.

namespace mixtape::tapeio {

struct StDriveOptions {
  bool lock_door = true;  // Nobody takes the cartridge out while it is in use.
  // For drives that report lower limits of a block's size than they keep.
  bool ignore_block_limits = false;
  // Where the sg device of the same drive is had from; empty: from where the kernel shows it.
  StSideBand::OpenSg open_sg = {};
};

class StDrive final : public TapeDrive {
 public:
  explicit StDrive(std::unique_ptr<DeviceFile> device, StDriveOptions options = {});
  ~StDrive() override;

  [[nodiscard]] std::optional<MediumInfo> medium() override;
  [[nodiscard]] ReadResult read_record(MutableBytes buffer) override;
  [[nodiscard]] WriteResult write_record(ByteView record) override;
  [[nodiscard]] WriteResult write_filemark() override;
  void rewind() override;
  void locate(std::uint64_t block) override;
  [[nodiscard]] std::uint64_t space_filemarks(std::int64_t count) override;
  void seek_end_of_data() override;
  [[nodiscard]] Position position() override;
  void name_next_file(std::string_view) override {}
  [[nodiscard]] DriveFeatures features() override;
  void unload() override;

 private:
  [[nodiscard]] std::string on_device(const std::string& attempt) const;
  [[nodiscard]] int operate(short operation, int count);
  [[nodiscard]] bool status_has(long flag);
  [[nodiscard]] std::optional<std::uint64_t> asked_block();
  [[noreturn]] void fail(const std::string& attempt, int result);
  void note(const std::string& text);
  void open_device();
  void prepare_medium();
  void set_block_size();
  void look_for_cartridge();
  void look_for_exchange();
  // What the side band met is heeded: the drive is looked at anew.
  void heed_news();
  void wind_back();
  void require_medium();
  // And the head where it was left.
  void require_position(const std::string& attempt);
  void require_writable(const std::string& attempt);
  // The Error of a record that the driver would not take.
  [[noreturn]] void refuse_record(const std::string& attempt, std::size_t size);
  void stand_at(std::uint64_t block, std::optional<std::uint64_t> file);
  void find_head();
  [[nodiscard]] ssize_t read_into(MutableBytes buffer);
  [[nodiscard]] bool is_end_of_data(std::size_t size, std::size_t buffer_size);
  [[nodiscard]] ReadResult read_failed(ssize_t result, std::size_t buffer_size);
  [[nodiscard]] std::uint64_t file_of_head();
  [[nodiscard]] std::optional<std::uint64_t> asked_file();
  [[nodiscard]] std::uint64_t space_forward(std::uint64_t count);
  [[nodiscard]] std::uint64_t space_backward(std::uint64_t count);
  // For drives without positions: reads on until the head stands at `block` or behind `files`
  // filemarks. False: the end of data came first.
  bool read_until(std::optional<std::uint64_t> block, std::optional<std::uint64_t> files);

  std::unique_ptr<DeviceFile> device_;
  StDriveOptions options_;
  std::unique_ptr<StSideBand> beside_;  // Null only while opening for the first time.
  std::vector<std::string> notes_;
  std::size_t block_size_ = 0;  // 0: variable.
  bool loaded_ = false;
  bool write_protected_ = false;
  std::uint64_t insertion_ = 0;  // How often a cartridge was taken into use.
  bool tells_positions_ = true;
  bool tells_files_ = true;
  std::string lost_;           // Why the head's position means nothing; empty while it does.
  bool near_end_ = false;      // Early warning was given, and the head has not gone back since.
  bool is_writing_ = false;    // A record was the last thing that the driver was told.
  bool refuses_next_ = false;  // The driver will, for what it took for the end of the tape.
  std::size_t most_read_ = kMaxRecordSize;  // What the driver takes in one call.
  std::uint64_t block_ = 0;
  std::optional<std::uint64_t> file_ = 0;  // nullopt: not known without asking.
};

// Throws as the class says.
[[nodiscard]] std::unique_ptr<StDrive> open_st_drive(const std::string& path,
                                                     StDriveOptions options = {});

}  // namespace mixtape::tapeio
