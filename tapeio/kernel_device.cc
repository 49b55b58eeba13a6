// SPDX-License-Identifier: Apache-2.0
#include "tapeio/kernel_device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <system_error>

#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/scsi/ssc_data.h"

namespace mixtape::tapeio {
namespace {

namespace fs = std::filesystem;

// A page of sysfs; what is asked for is far shorter.
constexpr std::uint64_t kMostBytes = 4096;

// The directory of the SCSI unit behind the device file; nullopt: it is none.
std::optional<fs::path> unit_of(const std::string& path, const std::string& sysfs) {
  struct stat device {};
  if (::stat(path.c_str(), &device) != 0 || !S_ISCHR(device.st_mode)) {
    return std::nullopt;
  }
  fs::path unit =
      fs::path(sysfs) / "dev/char" /
      (std::to_string(major(device.st_rdev)) + ":" + std::to_string(minor(device.st_rdev))) /
      "device";
  std::error_code none;
  return fs::is_directory(unit, none) ? std::optional(std::move(unit)) : std::nullopt;
}

Bytes attribute(const fs::path& file) {
  try {
    return read_file(file, kMostBytes);
  } catch (const Error&) {
    return {};
  }
}

// A line that a device told of itself.
std::string text_attribute(const fs::path& file) {
  Bytes line = attribute(file);
  if (!line.empty() && line.back() == std::byte{'\n'}) {
    line.pop_back();
  }
  return scsi::printable(line);
}

}  // namespace

std::optional<std::string> sg_device_of(const std::string& path, const std::string& sysfs) {
  const auto unit = unit_of(path, sysfs);
  if (!unit) {
    return std::nullopt;
  }
  std::error_code none;
  const fs::directory_iterator found(*unit / "scsi_generic", none);
  if (none || found == fs::directory_iterator()) {
    return std::nullopt;
  }
  return "/dev/" + found->path().filename().string();
}

std::optional<DriveIdentity> identity_of_device(const std::string& path, const std::string& sysfs) {
  const auto unit = unit_of(path, sysfs);
  if (!unit) {
    return std::nullopt;
  }
  return DriveIdentity{.vendor = text_attribute(*unit / "vendor"),
                       .product = text_attribute(*unit / "model"),
                       .revision = text_attribute(*unit / "rev"),
                       .serial = scsi::parse_serial(attribute(*unit / "vpd_pg80")).value_or(""),
                       .notes = {}};
}

}  // namespace mixtape::tapeio
