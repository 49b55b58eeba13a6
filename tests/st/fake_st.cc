// SPDX-License-Identifier: Apache-2.0
#include "tests/st/fake_st.h"

#include <fcntl.h>
#include <scsi/sg.h>
#include <sys/mtio.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace mixtape::test {

FakeSt::~FakeSt() {
  if (is_writing_ && cartridge_ != nullptr) {
    static_cast<void>(write_filemarks(1));
  }
}

int FakeSt::open(int flags) {
  if (gone) {
    return -ENXIO;
  }
  if (in_use_elsewhere) {
    return -EBUSY;
  }
  ++opened;
  has_news_ = false;
  writable_ = (flags & O_ACCMODE) == O_RDWR;
  if (cartridge_ == nullptr) {
    return (flags & O_NONBLOCK) != 0 ? 0 : -ENOMEDIUM;
  }
  // Whoever does not wait is not refused: the status tells.
  const bool waits = (flags & O_NONBLOCK) == 0;
  return waits && writable_ && cartridge_->write_protected ? -EROFS : 0;
}

std::uint64_t FakeSt::used() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < head_; ++i) {
    sum += cartridge_->objects[i].bytes.size();
  }
  return sum;
}

std::uint64_t FakeSt::filemarks_before() const {
  return static_cast<std::uint64_t>(std::count_if(
      cartridge_->objects.begin(), cartridge_->objects.begin() + static_cast<std::ptrdiff_t>(head_),
      [](const auto& object) { return object.is_filemark; }));
}

void FakeSt::cut_here() {
  cartridge_->objects.resize(head_);
}

ssize_t FakeSt::read(MutableBytes buffer) {
  if (cartridge_ == nullptr) {
    return -ENOMEDIUM;
  }
  if (gone) {
    return -EIO;
  }
  if (traits_.fixed_block != 0 && buffer.size() % traits_.fixed_block != 0) {
    return -EINVAL;
  }
  if (buffer.size() > traits_.most_block) {
    return -EINVAL;
  }
  is_writing_ = false;
  if (head_ == cartridge_->objects.size()) {
    return read_at_end(buffer);
  }
  end_ = End::none;
  if (head_ == bad_block) {
    return -EIO;
  }
  const auto& object = cartridge_->objects[head_++];
  if (object.is_filemark) {
    end_ = End::filemark;
    return 0;
  }
  if (object.bytes.size() > buffer.size()) {
    return -ENOMEM;
  }
  std::copy(object.bytes.begin(), object.bytes.end(), buffer.begin());
  return static_cast<ssize_t>(object.bytes.size());
}

ssize_t FakeSt::read_at_end(MutableBytes buffer) {
  if (end_ == End::data_3) {
    return -EIO;
  }
  if (traits_.fills_buffer_at_end && end_ < End::data_1) {
    end_ = end_ == End::filemark ? End::data_1 : End::warned;
    return static_cast<ssize_t>(buffer.size());
  }
  end_ = end_ == End::data_1 ? End::data_2 : end_ == End::data_2 ? End::data_3 : End::data_1;
  return end_ == End::data_3 ? -EIO : 0;
}

ssize_t FakeSt::write(ByteView bytes) {
  if (cartridge_ == nullptr) {
    return -ENOMEDIUM;
  }
  if (!writable_) {
    return -EBADF;
  }
  if (cartridge_->write_protected) {
    return -EACCES;
  }
  if (gone) {
    return -EIO;
  }
  if (traits_.fixed_block != 0 && bytes.size() % traits_.fixed_block != 0) {
    return -EINVAL;
  }
  if (bytes.size() > traits_.most_block) {
    return -EINVAL;
  }
  if (end_ == End::warned) {
    end_ = End::refused;
    return -ENOSPC;
  }
  const std::uint64_t after = used() + bytes.size();
  if (after > cartridge_->capacity_bytes) {
    end_ = End::refused;
    return -ENOSPC;
  }
  cut_here();
  is_writing_ = true;
  cartridge_->objects.push_back({.bytes = Bytes(bytes.begin(), bytes.end())});
  ++head_;
  end_ = End::none;
  if (after > cartridge_->capacity_bytes - cartridge_->capacity_bytes / 4) {
    if (traits_.refused_record_is_written) {
      return -ENOSPC;
    }
    end_ = End::warned;
  }
  return static_cast<ssize_t>(bytes.size());
}

int FakeSt::ioctl(unsigned long request, void* argument) {
  if (gone) {
    return -EIO;
  }
  if (request == MTIOCGET) {
    auto* get = static_cast<mtget*>(argument);
    *get = {};
    get->mt_gstat = status();
    get->mt_dsreg = static_cast<long>(traits_.fixed_block << MT_ST_BLKSIZE_SHIFT);
    return 0;
  }
  if (request == SG_IO && (cartridge_ != nullptr || beside != nullptr)) {
    return pass_through(argument);
  }
  if (cartridge_ == nullptr) {
    return -ENOMEDIUM;
  }
  if (request == MTIOCPOS) {
    static_cast<mtpos*>(argument)->mt_blkno = static_cast<long>(head_);
    return traits_.tells_positions && !std::exchange(has_news_, false) ? 0 : -EIO;
  }
  if (request == MTIOCTOP) {
    const auto* command = static_cast<mtop*>(argument);
    operations.push_back(command->mt_op);
    return operate(command->mt_op, command->mt_count);
  }
  return -EINVAL;
}

long FakeSt::status() const {
  if (cartridge_ == nullptr) {
    return static_cast<long>(GMT_DR_OPEN(~0L));
  }
  long bits = GMT_ONLINE(~0L);
  bits |= cartridge_->write_protected ? GMT_WR_PROT(~0L) : 0;
  bits |= end_ == End::warned ? GMT_EOT(~0L) : 0;
  bits |= end_ >= End::data_1 ? GMT_EOD(~0L) : 0;
  return bits;
}

int FakeSt::operate(short operation, int count) {
  const bool goes_back = operation == MTREW || operation == MTSEEK || operation == MTBSF;
  if (std::exchange(is_writing_, false) && (goes_back || operation == MTOFFL)) {
    static_cast<void>(write_filemarks(1));
    count += operation == MTBSF ? 1 : 0;
  }
  const std::size_t last = cartridge_->objects.size();
  switch (operation) {
    case MTREW:
      head_ = 0;
      end_ = End::none;
      return 0;
    case MTSEEK:
      if (!traits_.tells_positions) {
        return -EIO;
      }
      head_ = std::min(last, static_cast<std::size_t>(count));
      end_ = End::none;
      return static_cast<std::size_t>(count) > last ? -EIO : 0;
    case MTEOM:
      head_ = last;
      end_ = End::data_1;
      return 0;
    case MTFSR:
      ++head_;
      return 0;
    case MTFSF:
    case MTBSF:
      return space_filemarks(operation == MTFSF ? count : -count);
    case MTWEOF:
      return write_filemarks(count);
    case MTSETBLK:
      return traits_.fixed_block != static_cast<std::size_t>(count) && traits_.fixed_block != 0
                 ? -EIO
                 : 0;
    case MTOFFL:
      cartridge_ = nullptr;
      return 0;
    case MTCOMPRESSION:
      return traits_.has_compression && count == 0 ? 0 : -EIO;
    case MTLOCK:
      return traits_.has_door_lock ? 0 : -EIO;
    case MTSETDRVBUFFER:
    case MTUNLOCK:
      return 0;
    default:
      return -EINVAL;
  }
}

int FakeSt::space_filemarks(int count) {
  end_ = End::none;
  for (; count > 0; ++head_) {
    if (head_ == cartridge_->objects.size()) {
      end_ = End::data_1;
      return -EIO;
    }
    count -= cartridge_->objects[head_].is_filemark ? 1 : 0;
  }
  for (; count < 0; count += cartridge_->objects[head_].is_filemark ? 1 : 0) {
    if (head_ == 0) {
      return -EIO;
    }
    --head_;
  }
  return 0;
}

int FakeSt::write_filemarks(int count) {
  if (!writable_ || cartridge_->write_protected) {
    return -EACCES;
  }
  cut_here();
  end_ = End::none;
  for (; count > 0; --count, ++head_) {
    cartridge_->objects.push_back({.is_filemark = true});
  }
  return 0;
}

int answer_sg_io(tapeio::scsi::Transport& transport, void* argument) {
  auto& io = *static_cast<sg_io_hdr*>(argument);
  auto* const data = static_cast<std::byte*>(io.dxferp);
  tapeio::scsi::Command command{.cdb = {io.cmdp, io.cmd_len}};
  if (io.dxfer_direction == SG_DXFER_FROM_DEV) {
    command.in = {data, io.dxfer_len};
  } else if (io.dxfer_direction == SG_DXFER_TO_DEV) {
    command.out = {data, io.dxfer_len};
  }
  const tapeio::scsi::Reply reply = transport.execute(command);
  io.status = static_cast<unsigned char>(reply.status);
  io.resid = static_cast<int>(io.dxfer_len - reply.transferred);
  io.sb_len_wr = static_cast<unsigned char>(std::min<std::size_t>(reply.sense_size, io.mx_sb_len));
  std::copy_n(reply.sense.begin(), io.sb_len_wr, io.sbp);
  return 0;
}

int FakeSt::pass_through(void* argument) {
  auto* io = static_cast<sg_io_hdr*>(argument);
  const bool is_position = io->cmdp[0] == 0x34 && io->cmdp[1] == 6 && io->dxfer_len == 32;
  if (!is_position && beside != nullptr) {
    return answer_sg_io(*beside, argument);
  }
  if (!traits_.has_long_position) {
    return -EPERM;  // The kernel lets a user pass on every command, or none.
  }
  if (!is_position) {
    constexpr std::uint8_t kUnknownCommand[] = {0x70, 0, 0x05, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0x20, 0};
    io->status = static_cast<unsigned char>(tapeio::scsi::Status::check_condition);
    io->sb_len_wr = sizeof kUnknownCommand;
    std::copy_n(kUnknownCommand, sizeof kUnknownCommand, io->sbp);
    return 0;
  }
  auto* answer = static_cast<std::uint8_t*>(io->dxferp);
  std::fill_n(answer, 32, std::uint8_t{0});
  answer[15] = static_cast<std::uint8_t>(head_);
  answer[14] = static_cast<std::uint8_t>(head_ >> 8);
  answer[23] = static_cast<std::uint8_t>(filemarks_before());
  return 0;
}

}  // namespace mixtape::test
