// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tapeio/device_file.h"
#include "tapeio/drive_features.h"
#include "tapeio/scsi/drive_link.h"
#include "tapeio/scsi/drive_support.h"
#include "tapeio/scsi/scsi_features.h"

// What the st driver has no word for, asked of the drive beside it: who it is, the cartridge's
// chip, TapeAlert, counters, room left, ends of wraps. SCSI commands go through the open st device,
// which wants CAP_SYS_RAWIO, else through the sg device of the same drive, where its group may ask
// some. What neither lets through is as good as not there, and `note()` says so.
//
// None of the commands moves the tape. One of them may meet the news that another cartridge is in,
// or that the drive was reset, and then the driver never hears of it: whoever moves the tape must
// heed `news()`.
//
// Threads:  as the drive.
// Errors:   throws Error as scsi::DriveLink does.
// Lifetime: `device`, which somebody else opens and closes, must outlive it.

namespace mixtape::tapeio {

class StSideBand {
 public:
  // Opens the sg device of the same drive when it is needed; nullptr: there is none.
  using OpenSg = std::function<std::unique_ptr<DeviceFile>()>;
  StSideBand(DeviceFile& device, OpenSg open_sg);
  ~StSideBand();
  StSideBand(const StSideBand&) = delete;
  StSideBand& operator=(const StSideBand&) = delete;

  // Without a programmable early warning: the driver takes it for an error.
  [[nodiscard]] DriveFeatures offered(bool has_medium);
  // READ BLOCK LIMITS; nullopt: not told, or no limit.
  [[nodiscard]] std::optional<std::size_t> largest_block() const { return largest_block_; }
  // Objects before the head, and filemarks before it; nullopt when it cannot be asked.
  [[nodiscard]] std::optional<scsi::ReportedPosition> position();
  // For the way to another Error.
  void latch_alerts() noexcept;

  // Why the head's position means nothing any more, once; empty: it does.
  [[nodiscard]] std::string news();
  // What cannot be asked and what would help; empty: nothing is missing.
  [[nodiscard]] std::string note() const;

 private:
  class Beside;
  class Space;

  Beside* transport_;  // Of link_.
  scsi::DriveLink link_;
  scsi::DriveSupport support_;
  std::optional<scsi::ScsiFeatures> features_;  // Absent: nobody may even ask who the drive is.
  std::unique_ptr<Space> space_;
  std::optional<std::size_t> largest_block_;
};

}  // namespace mixtape::tapeio
