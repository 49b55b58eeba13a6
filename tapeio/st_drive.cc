// SPDX-License-Identifier: Apache-2.0
#include "tapeio/st_drive.h"

#include <fcntl.h>
#include <sys/mtio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/kernel_device.h"
#include "tapeio/write_protection.h"

// Reading and writing; st_drive_session.cc has how a cartridge comes into use, and
// st_drive_moves.cc what moves the head.

namespace mixtape::tapeio {

StDrive::StDrive(std::unique_ptr<DeviceFile> device, StDriveOptions options)
    : device_(std::move(device)), options_(options) {
  open_device();
  if (options_.ignore_block_limits && loaded_) {
    // The driver asks for the limits when it opens.
    open_device();
  }
  StSideBand::OpenSg open_sg = options_.open_sg;
  if (!open_sg) {
    open_sg = [path = device_->path()]() -> std::unique_ptr<DeviceFile> {
      const auto sg = sg_device_of(path);
      return sg ? std::make_unique<KernelDeviceFile>(*sg) : nullptr;
    };
  }
  beside_ = std::make_unique<StSideBand>(*device_, std::move(open_sg));
  heed_news();
  lost_.clear();  // Nobody has put the head anywhere yet.
}

StDrive::~StDrive() {
  if (loaded_ && (options_.lock_door || is_writing_)) {
    static_cast<void>(operate(MTUNLOCK, 1));
  }
}

std::string StDrive::on_device(const std::string& attempt) const {
  return attempt + " on " + device_->path();
}

int StDrive::operate(short operation, int count) {
  const bool goes_back = operation == MTREW || operation == MTSEEK || operation == MTBSF;
  if (std::exchange(is_writing_, false) && goes_back) {
    // Before it goes back, the driver ends what was written with a filemark of its own, and an
    // unfinished tape file would look whole. Any other operation lets it forget.
    mtop door{.mt_op = options_.lock_door ? short{MTLOCK} : short{MTUNLOCK}, .mt_count = 1};
    static_cast<void>(device_->ioctl(MTIOCTOP, &door));
  }
  mtop command{.mt_op = operation, .mt_count = count};
  return device_->ioctl(MTIOCTOP, &command);
}

bool StDrive::status_has(long flag) {
  mtget status{};
  return device_->ioctl(MTIOCGET, &status) == 0 && (status.mt_gstat & flag) != 0;
}

void StDrive::note(const std::string& text) {
  if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) {
    notes_.push_back(text);
  }
}

void StDrive::fail(const std::string& attempt, int result) {
  if (result == -ENOMEDIUM) {
    loaded_ = false;
    lost_ = "the cartridge was taken out: load it again";
    throw Error(ErrorCode::no_medium, on_device(attempt) + ": no cartridge is in the drive");
  }
  if (result == -ENXIO || result == -ENODEV) {
    throw Error(ErrorCode::io, on_device(attempt) + ": the drive is gone; look at its cable");
  }
  throw_errno(on_device(attempt), -result);
}

void StDrive::require_position(const std::string& attempt) {
  require_medium();
  if (!lost_.empty()) {
    throw Error(ErrorCode::no_medium, on_device(attempt) + ": " + lost_);
  }
}

void StDrive::require_writable(const std::string& attempt) {
  require_position(attempt);
  write_protected_ = write_protected_ || status_has(GMT_WR_PROT(~0L));
  tapeio::require_writable(on_device(attempt),
                           {.of_medium = write_protected_ ? kMoveItsSwitch : std::string_view{}});
}

void StDrive::refuse_record(const std::string& attempt, std::size_t size) {
  const auto largest = beside_->largest_block();
  throw Error(ErrorCode::unsupported,
              on_device(attempt) + ": the drive takes no record of " + std::to_string(size) +
                  " bytes" +
                  (largest && size > *largest ? ", " + std::to_string(*largest) + " bytes at most"
                                              : std::string()));
}

ReadResult StDrive::read_record(MutableBytes buffer) {
  require_position("read a record");
  // A read of no bytes would look like a filemark, and a fixed block is read whole or not at all.
  std::array<std::byte, 1> one{};
  Bytes whole;
  MutableBytes into = buffer;
  if (block_size_ != 0) {
    whole.resize(buffer.size() < block_size_ ? block_size_ : 0);
    into = whole.empty() ? buffer.first(block_size_) : MutableBytes(whole);
  } else if (buffer.empty()) {
    into = one;
  }
  const ssize_t result = read_into(into);
  const std::size_t offered = std::min(into.size(), most_read_);
  if (result < 0) {
    return read_failed(result, offered);
  }
  if (result > 0 && is_end_of_data(static_cast<std::size_t>(result), offered)) {
    return {.kind = ReadResult::Kind::end_of_data};
  }
  if (result == 0) {
    const bool at_end = status_has(GMT_EOD(~0L)) || (tells_positions_ && asked_block() == block_);
    if (!at_end) {
      stand_at(block_ + 1, file_ ? std::optional(*file_ + 1) : std::nullopt);
    }
    return {.kind = at_end ? ReadResult::Kind::end_of_data : ReadResult::Kind::filemark};
  }
  stand_at(block_ + 1, file_);
  const auto size = static_cast<std::size_t>(result);
  if (size > buffer.size()) {
    throw Error(ErrorCode::invalid, on_device("read record " + std::to_string(block_ - 1)) +
                                        ": it is larger than the buffer");
  }
  return {.kind = ReadResult::Kind::record, .size = size};
}

// The driver refuses a buffer that is larger than the largest record of the drive, before anything
// moves; no larger record can come.
ssize_t StDrive::read_into(MutableBytes buffer) {
  constexpr std::size_t kLeast = 64 * KiB;
  ssize_t result = device_->read(buffer.first(std::min(buffer.size(), most_read_)));
  while (result == -EINVAL && block_size_ == 0 && buffer.size() > kLeast && most_read_ > kLeast) {
    most_read_ = std::min(buffer.size(), most_read_) / 2;
    result = device_->read(buffer.first(most_read_));
  }
  return result;
}

// Whether the `size` bytes that were read are none: a drive that answers BLANK CHECK together with
// the mark of the end of the tape lets the driver believe that it has filled the buffer.
bool StDrive::is_end_of_data(std::size_t size, std::size_t buffer_size) {
  if (size != buffer_size || !(status_has(GMT_EOT(~0L)) || status_has(GMT_EOD(~0L)))) {
    return false;
  }
  // No record of a drive that tells no positions was seen with that mark.
  if (tells_positions_ && asked_block() != block_) {
    return false;
  }
  refuses_next_ = status_has(GMT_EOT(~0L));
  return true;
}

ReadResult StDrive::read_failed(ssize_t result, std::size_t buffer_size) {
  const std::string attempt = "read record " + std::to_string(block_);
  if (result == -EIO && status_has(GMT_EOD(~0L))) {
    // The driver answers 0 twice at the end of data and this from then on.
    return {.kind = ReadResult::Kind::end_of_data};
  }
  if (result == -ENOMEM && (!tells_positions_ || asked_block() == block_ + 1)) {
    stand_at(block_ + 1, file_);
    throw Error(ErrorCode::invalid, on_device(attempt) + ": it is larger than the buffer of " +
                                        std::to_string(buffer_size) + " bytes");
  }
  if (result == -EOVERFLOW || result == -EBUSY) {
    throw Error(ErrorCode::exhausted,
                on_device(attempt) + ": the kernel has no buffer of that size now");
  }
  if (result == -EIO && asked_block() == block_) {
    // Past the bad spot, so that reading can go on.
    static_cast<void>(operate(MTFSR, 1));
  }
  if (result == -EIO) {
    beside_->latch_alerts();
    find_head();
  }
  fail(attempt, static_cast<int>(result));
}

WriteResult StDrive::write_record(ByteView record) {
  if (record.empty() || record.size() > kMaxRecordSize) {
    throw Error(ErrorCode::invalid,
                on_device("write a record of " + std::to_string(record.size()) + " bytes") +
                    ": it must have 1 byte to 4 MiB");
  }
  const std::string attempt = "write record " + std::to_string(block_);
  require_writable(attempt);
  if (block_size_ != 0 && record.size() != block_size_) {
    throw Error(ErrorCode::unsupported, on_device(attempt) + ": this drive takes only records of " +
                                            std::to_string(block_size_) + " bytes");
  }
  // In the zone of early warning the driver refuses every other record with ENOSPC, which may be
  // on the tape all the same; a record that is refused twice and is not there has met the end.
  for (int refused = 0; refused < 2;) {
    is_writing_ = true;
    const ssize_t result = device_->write(record);
    if (result == static_cast<ssize_t>(record.size())) {
      stand_at(block_ + 1, file_);
      near_end_ = near_end_ || status_has(GMT_EOT(~0L));
      return {.written = true, .early_warning = near_end_};
    }
    if (result == -EINVAL) {
      refuse_record(attempt, record.size());
    }
    if (result != -ENOSPC) {
      beside_->latch_alerts();
      find_head();
      fail(attempt, result < 0 ? static_cast<int>(result) : -EIO);
    }
    const bool is_for_reading = std::exchange(refuses_next_, false);
    near_end_ = near_end_ || !is_for_reading;
    if (tells_positions_ && asked_block() == block_ + 1) {
      stand_at(block_ + 1, file_);
      return {.written = true, .early_warning = near_end_};
    }
    refused += is_for_reading ? 0 : 1;
  }
  return {.written = false, .early_warning = true};
}

WriteResult StDrive::write_filemark() {
  require_writable("write a filemark");
  const int result = operate(MTWEOF, 1);
  const bool moved = tells_positions_ ? asked_block() == block_ + 1 : result == 0;
  if (result != 0 && !moved) {
    // mtio has one word for all that goes wrong; behind early warning it is the end.
    if (result == -ENOSPC || (result == -EIO && near_end_)) {
      near_end_ = true;
      return {.written = false, .early_warning = true};
    }
    find_head();
    fail("write a filemark", result);
  }
  if (result == 0 && !moved) {
    find_head();
    fail("write a filemark", -EIO);
  }
  stand_at(block_ + 1, file_ ? std::optional(*file_ + 1) : std::nullopt);
  near_end_ = near_end_ || result != 0 || status_has(GMT_EOT(~0L));
  return {.written = true, .early_warning = near_end_};
}

DriveFeatures StDrive::features() {
  DriveFeatures has = beside_->offered(loaded_);
  if (!has.identity) {
    has.identity = identity_of_device(device_->path());
  }
  if (!has.identity) {
    has.identity = DriveIdentity{};
    has.identity->product = device_->path();
  }
  std::vector<std::string>& notes = has.identity->notes;
  notes.insert(notes.end(), notes_.begin(), notes_.end());
  if (std::string missing = beside_->note(); !missing.empty()) {
    notes.push_back(std::move(missing));
  }
  return has;
}

std::unique_ptr<StDrive> open_st_drive(const std::string& path, StDriveOptions options) {
  return std::make_unique<StDrive>(std::make_unique<KernelDeviceFile>(path), options);
}

}  // namespace mixtape::tapeio
