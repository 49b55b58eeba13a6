// SPDX-License-Identifier: Apache-2.0
#include "tapeio/open_cartridges.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mtio.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tapeio/cartridge_library.h"
#include "tapeio/device_file.h"
#include "tapeio/error.h"
#include "tapeio/kernel_device.h"
#include "tapeio/lent_drive.h"
#include "tapeio/library_url.h"
#include "tapeio/reopened_changer.h"
#include "tapeio/scsi/drive_link.h"
#include "tapeio/scsi/drive_serial.h"
#include "tapeio/scsi/iscsi_transport.h"
#include "tapeio/scsi/scsi_changer.h"
#include "tapeio/scsi/scsi_drive.h"
#include "tapeio/scsi/scsi_features.h"
#include "tapeio/scsi/sg_transport.h"
#include "tapeio/scsi/ssc_commands.h"
#include "tapeio/scsi/ssc_data.h"
#include "tapeio/st_drive.h"

namespace mixtape::tapeio {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLookPause{100};

// As libiscsi takes it, password included.
std::string iscsi_text(const DeviceUrl& url) {
  const bool is_ipv6 = url.host.find(':') != std::string::npos;
  return "iscsi://" + (url.user.empty() ? "" : url.user + "%" + url.password + "@") +
         (is_ipv6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port) + "/" +
         url.target + "/" + std::to_string(url.lun);
}

std::unique_ptr<scsi::Transport> open_transport(const DeviceUrl& url) {
  if (url.kind == DeviceUrl::Kind::iscsi) {
    return std::make_unique<scsi::IscsiTransport>(iscsi_text(url));
  }
  return scsi::open_sg_transport(url.path);
}

// A changer that is named by its device of the kernel's ch driver is asked through the sg device of
// the same unit: ch carries SG_IO in new kernels only, and gives no device to one program alone.
std::unique_ptr<scsi::Transport> open_changer(const DeviceUrl& url) {
  DeviceUrl asked = url;
  if (url.kind == DeviceUrl::Kind::scsi) {
    asked.path = sg_device_of(url.path).value_or(url.path);
  }
  return open_transport(asked);
}

std::unique_ptr<TapeDrive> open_drive(const DeviceUrl& url, bool is_hand_fed,
                                      const WhileNotReady& not_ready) {
  if (url.kind == DeviceUrl::Kind::st) {
    StDriveOptions options;
    options.lock_door = !is_hand_fed;
    return std::make_unique<StDrive>(std::make_unique<KernelDeviceFile>(url.path), options);
  }
  scsi::ScsiDriveOptions options;
  // Whoever feeds the drive by hand wants the button to work while nothing is being done.
  options.lock_door = !is_hand_fed;
  options.on_wait = [not_ready](const scsi::DriveWait& wait) {
    not_ready(wait.message, wait.progress);
  };
  return std::make_unique<scsi::ScsiDrive>(open_transport(url), options);
}

// Through any door to the drive, and without rewinding, as opening it would.
std::optional<TapeGlimpse> glimpse_through(std::unique_ptr<scsi::Transport> transport) {
  scsi::DriveLink link(std::move(transport), kLookPause);
  if (!link.run("look for a cartridge", scsi::test_unit_ready()).good) {
    return std::nullopt;  // None, or one that is not ready yet.
  }
  return TapeGlimpse{.label = label_in_chip(scsi::AttributeMemory(link).story())};
}

std::optional<TapeGlimpse> glimpse_of_st(const std::string& path) {
  KernelDeviceFile device(path);
  // An empty drive opens only this way; the driver waits for nothing then, and rewinds nothing.
  if (const int result = device.open(O_RDONLY | O_NONBLOCK); result != 0) {
    throw_open_error(path, result);
  }
  mtget status{};
  if (device.ioctl(MTIOCGET, &status) != 0 || !GMT_ONLINE(status.mt_gstat) ||
      GMT_DR_OPEN(status.mt_gstat)) {
    return std::nullopt;
  }
  try {
    return glimpse_through(std::make_unique<scsi::SgTransport>(device));
  } catch (const Error&) {
    return TapeGlimpse{};  // Only root may ask the chip this way.
  }
}

std::optional<TapeGlimpse> glimpse_of(const DeviceUrl& url) {
  return url.kind == DeviceUrl::Kind::st ? glimpse_of_st(url.path)
                                         : glimpse_through(open_transport(url));
}

CartridgeDrive drive_at(const DeviceUrl& url, bool is_hand_fed) {
  CartridgeDrive drive;
  drive.device = url.text;
  drive.open = [url, is_hand_fed](const WhileNotReady& not_ready) {
    return open_drive(url, is_hand_fed, not_ready);
  };
  if (url.kind == DeviceUrl::Kind::st) {
    // Known also while another program has the drive, which then cannot be asked.
    drive.serial = identity_of_device(url.path).value_or(DriveIdentity{}).serial;
  }
  if (is_hand_fed) {
    drive.glimpse = [url] { return glimpse_of(url); };
  }
  return drive;
}

// --- Drives beside a changer

std::vector<DeviceUrl> drives_of_kernel() {
  std::vector<DeviceUrl> drives;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/sys/class/scsi_generic", none)) {
    std::ifstream file(entry.path() / "device/type");
    int type = -1;
    if (file >> type && type == scsi::kTapeDeviceType) {
      drives.push_back(parse_device_url("scsi:/dev/" + entry.path().filename().string()));
    }
  }
  // sg2 before sg10.
  std::ranges::sort(
      drives, {}, [](const DeviceUrl& drive) { return std::pair(drive.path.size(), drive.path); });
  return drives;
}

std::vector<DeviceUrl> drives_of_target(const DeviceUrl& changer, scsi::Transport& transport) {
  std::vector<DeviceUrl> drives;
  for (const unsigned lun : scsi::logical_units(transport)) {
    DeviceUrl url = changer;
    url.lun = static_cast<std::uint16_t>(lun);
    url.text = changer.text.substr(0, changer.text.rfind('/') + 1) + std::to_string(lun);
    if (lun != changer.lun) {
      drives.push_back(std::move(url));
    }
  }
  return drives;
}

// Those that were found beside the changer, with what it knows them by. Whoever does not tell stays
// out: to open a stranger's drive would rewind its tape.
std::vector<CartridgeDrive> found_drives(const std::vector<DeviceUrl>& urls) {
  std::vector<CartridgeDrive> drives;
  for (const DeviceUrl& url : urls) {
    try {
      const auto serial = scsi::serial_of_tape_drive(*open_transport(url));
      if (serial && !serial->empty()) {
        drives.push_back(drive_at(url, /*is_hand_fed=*/false));
        drives.back().serial = *serial;
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::exhausted) {
        throw;
      }
    }
  }
  return drives;
}

}  // namespace

std::unique_ptr<Library> open_cartridges(std::string_view url, const LabelReader& read_label) {
  CartridgeLibraryUrl parsed = parse_cartridge_library_url(url);
  CartridgeLibraryParts parts;
  // Without a password: it is shown.
  parts.url = parsed.changer ? std::string(kChangerScheme) + parsed.changer->text
                             : parsed.drives.front().text;
  parts.options.read_label = read_label;
  if (parsed.changer) {
    std::unique_ptr<scsi::Transport> transport = open_changer(*parsed.changer);
    if (parsed.drives.empty()) {
      parts.drives = found_drives(parsed.changer->kind == DeviceUrl::Kind::iscsi
                                      ? drives_of_target(*parsed.changer, *transport)
                                      : drives_of_kernel());
    }
    transport.reset();  // A changer may serve no second connection.
    parts.changer = std::make_unique<ReopenedChanger>([url = *parsed.changer] {
      return std::make_unique<scsi::ScsiChanger>(open_transport(url));
    });
    if (parsed.drives.empty() && parts.drives.empty()) {
      throw Error(ErrorCode::not_found, "open library " + parsed.changer->text +
                                            ": no tape drive stands beside the changer; name it "
                                            "with ,drive=URL");
    }
  }
  for (const DeviceUrl& drive : parsed.drives) {
    parts.drives.push_back(drive_at(drive, !parsed.changer));
  }
  return make_cartridge_library(std::move(parts));
}

}  // namespace mixtape::tapeio
