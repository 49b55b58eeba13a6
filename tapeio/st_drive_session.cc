// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mtio.h>

#include <algorithm>
#include <cerrno>

#include "tapeio/error.h"
#include "tapeio/kernel_device.h"
#include "tapeio/st_drive.h"

// How a cartridge comes into use.

namespace mixtape::tapeio {

void StDrive::open_device() {
  // An empty drive opens only this way; the driver waits for nothing then.
  int result = device_->open(O_RDWR | O_NONBLOCK);
  write_protected_ = result == -EROFS;
  if (write_protected_) {
    result = device_->open(O_RDONLY | O_NONBLOCK);
  }
  if (result != 0) {
    throw_open_error(device_->path(), result);
  }
  loaded_ = status_has(GMT_ONLINE(~0L)) && !status_has(GMT_DR_OPEN(~0L));
  if (loaded_) {
    // The driver refuses writers only when they wait for a cartridge.
    write_protected_ = write_protected_ || status_has(GMT_WR_PROT(~0L));
    prepare_medium();
  }
}

void StDrive::prepare_medium() {
  ++insertion_;
  // Every switch of the driver is set, those not named are off: nothing buffered or asynchronous in
  // the driver (a refused record would surface at a later one), no second filemark on closing, no
  // read-ahead, and counting to the end of data so that file numbers stay known.
  int switches = MT_ST_BOOLEANS | MT_ST_CAN_BSR | MT_ST_SCSI2LOGICAL;
  if (options_.ignore_block_limits) {
    switches |= MT_ST_NO_BLKLIMS;
  }
  if (operate(MTSETDRVBUFFER, switches) != 0) {
    note("the switches of st stay as they were: setting them wants root");
  }
  static_cast<void>(operate(MTSETDRVBUFFER, 1));  // The drive's own buffer, which streaming needs.
  set_block_size();
  // What we write is encrypted, and a drive that tries to compress it only makes it longer.
  note(operate(MTCOMPRESSION, 0) == 0 ? "compression is off" : "no control of compression");
  if (options_.lock_door && operate(MTLOCK, 1) != 0) {
    note("no lock of the door: do not press the eject button while it works");
  }
  tells_positions_ = true;
  wind_back();
  tells_positions_ = asked_block().has_value();
  if (!tells_positions_) {
    note("no READ POSITION: positions by rewinding and reading");
  }
}

void StDrive::set_block_size() {
  block_size_ = 0;
  if (operate(MTSETBLK, 0) == 0) {
    return;
  }
  mtget status{};
  static_cast<void>(device_->ioctl(MTIOCGET, &status));
  block_size_ =
      static_cast<std::size_t>((status.mt_dsreg & MT_ST_BLKSIZE_MASK) >> MT_ST_BLKSIZE_SHIFT);
  if (block_size_ != 0) {
    note("fixed blocks only, of " + std::to_string(block_size_) + " bytes");
  }
}

void StDrive::look_for_cartridge() {
  if (!loaded_ || !status_has(GMT_ONLINE(~0L)) || status_has(GMT_DR_OPEN(~0L))) {
    // The driver looks for a cartridge only when it opens.
    loaded_ = false;
    open_device();
  }
}

// The driver hears of another cartridge only by a command that fails for it: asking where the head
// is moves nothing.
void StDrive::look_for_exchange() {
  if (loaded_ && tells_positions_ && !asked_block()) {
    lost_ = "another cartridge may be in the drive: rewind";
    loaded_ = false;
  }
}

void StDrive::heed_news() {
  if (const std::string news = beside_->news(); !news.empty()) {
    lost_ = news;
    loaded_ = false;
    look_for_cartridge();
  }
}

std::optional<MediumInfo> StDrive::medium() {
  look_for_exchange();
  look_for_cartridge();
  MediumInfo info;
  const auto ask = [&] {
    info = {.label = "", .write_protected = write_protected_};
    const DriveFeatures has = beside_->offered(loaded_);
    if (has.memory != nullptr) {
      info.label = has.memory->story().barcode;
    }
    const auto space = has.space != nullptr ? has.space->remaining() : std::nullopt;
    if (space && space->capacity_bytes > 0) {
      info.capacity_bytes = space->capacity_bytes;
    }
  };
  try {
    ask();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::exhausted) {
      throw;
    }
    // Without it there is less to tell. What it came across is heeded now.
  }
  heed_news();
  if (!loaded_) {
    return std::nullopt;
  }
  info.insertion = insertion_;
  if (beside_->largest_block() && !options_.ignore_block_limits) {
    info.most_record_bytes = std::min(kMaxRecordSize, *beside_->largest_block());
  }
  return info;
}

void StDrive::require_medium() {
  heed_news();
  if (!loaded_) {
    look_for_cartridge();
  }
  if (!loaded_) {
    throw Error(ErrorCode::no_medium, "no cartridge is in the drive " + device_->path());
  }
}

}  // namespace mixtape::tapeio
