// SPDX-License-Identifier: Apache-2.0
#include "tapeio/open_cartridges.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tapeio/cartridge_library.h"
#include "tapeio/device_file.h"
#include "tapeio/error.h"
#include "tapeio/library_url.h"
#include "tapeio/scsi/iscsi_transport.h"
#include "tapeio/scsi/scsi_changer.h"
#include "tapeio/scsi/scsi_drive.h"
#include "tapeio/scsi/sg_transport.h"
#include "tapeio/scsi/ssc_commands.h"
#include "tapeio/scsi/ssc_data.h"
#include "tapeio/st_drive.h"

namespace mixtape::tapeio {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t kInquiryBytes = 36;  // SPC-5 6.7.2: what every device has of it.

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

std::unique_ptr<TapeDrive> open_drive(const DeviceUrl& url, bool is_hand_fed) {
  if (url.kind == DeviceUrl::Kind::st) {
    StDriveOptions options;
    options.lock_door = !is_hand_fed;
    return std::make_unique<StDrive>(std::make_unique<KernelDeviceFile>(url.path), options);
  }
  scsi::ScsiDriveOptions options;
  // Whoever feeds the drive by hand wants the button to work while nothing is being done.
  options.lock_door = !is_hand_fed;
  // Whoever looks must not wait while a tape threads: the library asks again.
  options.on_wait = [](const scsi::DriveWait& wait) {
    throw Error(ErrorCode::no_medium, wait.message);
  };
  return std::make_unique<scsi::ScsiDrive>(open_transport(url), options);
}

CartridgeDrive drive_at(const DeviceUrl& url, bool is_hand_fed) {
  CartridgeDrive drive;
  drive.device = url.text;
  drive.open = [url, is_hand_fed] { return open_drive(url, is_hand_fed); };
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
  std::ranges::sort(drives, {}, &DeviceUrl::path);
  return drives;
}

bool is_tape(const DeviceUrl& url) {
  const std::unique_ptr<scsi::Transport> transport = open_transport(url);
  Bytes data(kInquiryBytes);
  const scsi::SscCommand command = scsi::inquiry(kInquiryBytes);
  // A unit attention does not hold back INQUIRY (SPC-5 5.14).
  const scsi::Reply reply = transport->execute({.cdb = command.cdb(), .in = data});
  const auto inquired = scsi::parse_inquiry(ByteView(data).first(reply.transferred));
  return reply.status == scsi::Status::good && inquired &&
         inquired->device_type == scsi::kTapeDeviceType;
}

std::vector<DeviceUrl> drives_of_target(const DeviceUrl& changer, scsi::Transport& transport) {
  std::vector<DeviceUrl> drives;
  for (const unsigned lun : scsi::logical_units(transport)) {
    DeviceUrl url = changer;
    url.lun = static_cast<std::uint16_t>(lun);
    url.text = changer.text.substr(0, changer.text.rfind('/') + 1) + std::to_string(lun);
    if (lun != changer.lun && is_tape(url)) {
      drives.push_back(std::move(url));
    }
  }
  return drives;
}

}  // namespace

std::unique_ptr<Library> open_cartridges(std::string_view url, const LabelReader& read_label) {
  CartridgeLibraryUrl parsed = parse_cartridge_library_url(url);
  CartridgeLibraryParts parts;
  // Without a password: it is shown.
  parts.url = parsed.changer ? "changer:" + parsed.changer->text : parsed.drives.front().text;
  parts.options.read_label = read_label;
  if (parsed.changer) {
    std::unique_ptr<scsi::Transport> transport = open_transport(*parsed.changer);
    if (parsed.drives.empty()) {
      parsed.drives = parsed.changer->kind == DeviceUrl::Kind::iscsi
                          ? drives_of_target(*parsed.changer, *transport)
                          : drives_of_kernel();
    }
    parts.changer = std::make_unique<scsi::ScsiChanger>(std::move(transport));
    if (parsed.drives.empty()) {
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
