// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tapeio/scsi/drive_link.h"
#include "tapeio/scsi/drive_support.h"
#include "tapeio/scsi/head_positions.h"
#include "tapeio/scsi/transport.h"
#include "tapeio/tape_drive.h"

// A tape drive that is spoken to in SSC: variable records, buffered, without compression.
//
// Opening it finds out what the drive can do, reserves it and, when a cartridge is in, waits until
// that is ready, locks the door and rewinds. What the drive lacks is met with the next best command
// and noted in DriveIdentity::notes. Destroying it undoes lock and reservation and flushes nothing.
//
// After the drive was reset, or when another cartridge may be in it, reading and writing throw
// until the head was sent somewhere: rewind(), locate(), seek_end_of_data() and spacing begin anew,
// at the beginning of whatever is in the drive then.
//
// Errors: as TapeDrive, and whatever the transport throws; Error{locked} when another host has it.

namespace mixtape::tapeio::scsi {

// The drive is busy getting ready, maybe for hours (first load of LTO-9 media).
struct DriveWait {
  std::string message;             // "drive /dev/sg3: logical unit is in process of becoming ready"
  std::optional<double> progress;  // 0 to 1, as far as the drive tells.
  std::chrono::seconds waited{0};
};

struct ScsiDriveOptions {
  std::string label = {};  // What the library calls the medium; empty: the barcode in its chip.
  bool writable = true;
  bool lock_door = true;
  bool reserve = true;
  // Called once per pause while waiting. May throw to give up: Error{cancelled}.
  std::function<void(const DriveWait&)> on_wait = [](const DriveWait&) {};
  std::chrono::milliseconds pause{1000};
  // LTO-9 initialisation takes two hours at most; more is a drive that hangs.
  std::chrono::seconds longest_wait{std::chrono::hours(3)};
};

class ScsiFeatures;

class ScsiDrive final : public TapeDrive {
 public:
  ScsiDrive(std::unique_ptr<Transport> transport, ScsiDriveOptions options);
  ~ScsiDrive() override;
  ScsiDrive(const ScsiDrive&) = delete;
  ScsiDrive& operator=(const ScsiDrive&) = delete;

  // Waits until the cartridge is ready, and takes it into use with its head at the beginning;
  // false when there is none. Also loads one that was unloaded. May take hours.
  [[nodiscard]] bool wait_until_ready();

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
  // How a medium comes into use and goes out of it: scsi_drive_session.cc.
  void reserve();
  void release() noexcept;
  bool is_ready(const std::string& what);
  void prepare();
  void set_modes();
  void note(const std::string& what);

  // A medium that is ready, wherever the head stands: prepares one that was put in.
  void require_medium(const char* operation);
  // And the head where it was left.
  void require_position(const char* operation);
  void require_writable(const char* operation);
  // Sends the head somewhere; what was lost is found again.
  HeadPositions& moving(const char* operation);

  [[nodiscard]] Outcome read_into(MutableBytes buffer, std::size_t& asked);
  [[nodiscard]] ReadResult take_record(const Outcome& outcome, std::size_t asked,
                                       MutableBytes buffer);
  [[nodiscard]] ReadResult read_again(MutableBytes buffer, std::size_t size);
  [[nodiscard]] WriteResult write_object(const std::string& what, const SscCommand& command,
                                         ByteView record);
  [[nodiscard]] bool warns(std::uint64_t block) const;
  // Tells a drive in append-only mode that writing at this block is meant. False: it refuses.
  [[nodiscard]] bool allow_overwrite_at(std::uint64_t block);
  // The largest record that drive and transport take together, as far as they tell.
  [[nodiscard]] std::size_t most_record() const;
  void ask_block_limits();

  ScsiDriveOptions options_;
  DriveLink link_;
  DriveSupport support_;
  enum class Reservation { none, simple, persistent } reservation_ = Reservation::none;
  std::unique_ptr<HeadPositions> positions_;  // Null until a medium is ready.
  bool write_protected_ = false;
  std::uint64_t insertion_ = 0;  // How often a cartridge was taken into use.
  BlockLimits limits_;           // READ BLOCK LIMITS.
  bool is_door_locked_ = false;
  bool was_unloaded_ = false;  // By us; until wait_until_ready() asks for the next cartridge.
  // Tgt 1.0.85 sends too few bytes of a record that is smaller than was asked for, unless twice as
  // much was asked for. Noticed when it happens.
  bool cuts_short_reads_ = false;
  Bytes scratch_;
  // The first block written in the zone of early warning: some drives warn once, or not for
  // filemarks, and everything behind it is in that zone too.
  std::optional<std::uint64_t> warned_from_;
  std::unique_ptr<ScsiFeatures> features_;
};

}  // namespace mixtape::tapeio::scsi
