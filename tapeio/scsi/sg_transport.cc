// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/sg_transport.h"

#include <fcntl.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "tapeio/error.h"

namespace mixtape::tapeio::scsi {
namespace {

// What every host adapter of the last twenty years takes in one command, where the kernel does not
// say.
constexpr std::size_t kUsualMostData = 512 * KiB;
// READ(6) and WRITE(6) have 24 bits for the length; no tape command of ours moves more.
constexpr std::size_t kMostTapeData = 16 * MiB - 1;

// The kernel's numbers for host and driver status, which it exports no header for.
enum HostStatus : unsigned {
  kHostNoConnect = 0x01,
  kHostBusBusy = 0x02,
  kHostTimeOut = 0x03,
  kHostBadTarget = 0x04,
  kHostTransportDisrupted = 0x0e,
  kHostTransportFailFast = 0x0f,
};
constexpr unsigned kDriverTimeOut = 0x06;
constexpr unsigned kDriverStatusMask = 0x0f;

std::size_t asked_most_data(DeviceFile& device) {
  // The kernel's BLKSECTGET, in bytes on an sg device. It is what the block layer likes, not what
  // it refuses: a host adapter that takes more pieces in one command moves more.
  constexpr unsigned long kBlkSectGet = 0x1267;
  constexpr std::size_t kPiece = 4096;
  int bytes = 0;
  int pieces = 0;
  std::size_t most = kUsualMostData;
  if (device.ioctl(kBlkSectGet, &bytes) == 0 && bytes > 0) {
    most = static_cast<std::size_t>(bytes);
  }
  if (device.ioctl(SG_GET_SG_TABLESIZE, &pieces) == 0 && pieces > 0) {
    most = std::max(most, static_cast<std::size_t>(pieces) * kPiece);
  }
  return std::min(most, kMostTapeData);
}

std::string why_undelivered(unsigned host, unsigned driver) {
  if (host == kHostTimeOut || driver == kDriverTimeOut) {
    return "the device did not answer in time; look at its cable and its front panel";
  }
  switch (host) {
    case kHostNoConnect:
    case kHostBadTarget:
      return "the device is gone; look at its cable and its power";
    case kHostTransportDisrupted:
    case kHostTransportFailFast:
      return "the connection to the device was cut; look at its cable and its power";
    case kHostBusBusy:
      return "the bus stayed busy; try again";
    default:
      return "the host adapter reports status " + std::to_string(host) + "/" +
             std::to_string(driver) + "; look at the kernel's log";
  }
}

[[noreturn]] void throw_ioctl_error(const std::string& name, int result) {
  switch (-result) {
    case ENODEV:
    case ENXIO:
      throw Error(ErrorCode::not_found, "ask " + name + ": the device is gone; look at its cable");
    case EBUSY:
      throw Error(ErrorCode::locked, "ask " + name +
                                         ": another program is using this device; `fuser -v " +
                                         name + "` says which: wait for it, or stop it");
    default:
      throw_errno("ask " + name, -result);
  }
}

Reply reply_of(const sg_io_hdr& io, std::size_t offered) {
  Reply reply;
  reply.status = static_cast<Status>(io.status & 0x3e);
  // A host adapter may claim more than was offered, or less than nothing.
  const std::size_t left = io.resid > 0 ? static_cast<std::size_t>(io.resid) : 0;
  reply.transferred = offered - std::min(left, offered);
  if (reply.status == Status::check_condition) {
    reply.sense_size = std::min<std::size_t>(io.sb_len_wr, reply.sense.size());
  }
  return reply;
}

}  // namespace

SgTransport::SgTransport(std::unique_ptr<DeviceFile> device)
    : owned_(std::move(device)), device_(*owned_) {
  // Without O_NONBLOCK an O_EXCL open would wait for the other program instead of naming it.
  const int result = device_.open(O_RDWR | O_EXCL | O_NONBLOCK);
  if (result != 0) {
    throw_open_error(device_.path(), result);
  }
  // A tape record does not fit the buffer that sg keeps by default; SG_IO with an aligned buffer of
  // the caller's maps it instead, and this asks for the rest.
  int reserve = static_cast<int>(4 * MiB);
  static_cast<void>(device_.ioctl(SG_SET_RESERVED_SIZE, &reserve));
  most_data_ = asked_most_data(device_);
}

SgTransport::SgTransport(DeviceFile& device) : device_(device), most_data_(kUsualMostData) {}

Reply SgTransport::execute(const Command& command) {
  MIXTAPE_ASSERT(command.cdb.size() <= kMostCdbBytes);
  MIXTAPE_ASSERT(command.in.empty() || command.out.empty());
  const std::size_t offered = std::max(command.in.size(), command.out.size());
  if (offered > most_data_) {
    throw Error(ErrorCode::invalid, "move " + std::to_string(offered) + " bytes with " + name() +
                                        ": one command takes at most " +
                                        std::to_string(most_data_));
  }
  std::array<std::uint8_t, kMostSenseBytes> sense{};
  std::array<std::uint8_t, kMostCdbBytes> cdb{};
  std::copy(command.cdb.begin(), command.cdb.end(), cdb.begin());
  sg_io_hdr io{};
  io.interface_id = 'S';
  io.cmdp = cdb.data();
  io.cmd_len = static_cast<unsigned char>(command.cdb.size());
  io.sbp = sense.data();
  io.mx_sb_len = static_cast<unsigned char>(sense.size());
  io.dxfer_len = static_cast<unsigned>(offered);
  io.dxfer_direction = SG_DXFER_NONE;
  if (!command.in.empty()) {
    io.dxfer_direction = SG_DXFER_FROM_DEV;
    io.dxferp = command.in.data();
  } else if (!command.out.empty()) {
    io.dxfer_direction = SG_DXFER_TO_DEV;
    // The interface knows no const; the kernel only reads what goes to the device.
    io.dxferp = const_cast<std::byte*>(command.out.data());
  }
  io.timeout = static_cast<unsigned>(std::clamp<std::chrono::milliseconds::rep>(
      command.timeout.count(), 1, std::numeric_limits<int>::max()));
  const int result = device_.ioctl(SG_IO, &io);
  if (result < 0) {
    throw_ioctl_error(name(), result);
  }
  const unsigned driver = io.driver_status & kDriverStatusMask;
  // Other driver status only repeats that there is sense data.
  if (io.host_status != 0 || driver == kDriverTimeOut) {
    throw Error(ErrorCode::io, "ask " + name() + ": " + why_undelivered(io.host_status, driver));
  }
  Reply reply = reply_of(io, offered);
  reply.sense = sense;
  return reply;
}

std::unique_ptr<SgTransport> open_sg_transport(const std::string& path) {
  return std::make_unique<SgTransport>(std::make_unique<KernelDeviceFile>(path));
}

}  // namespace mixtape::tapeio::scsi
