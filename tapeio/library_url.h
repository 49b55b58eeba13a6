// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the URLs of drives and of libraries of cartridges say. Nothing is opened here.
//
//   st:/dev/nst0                               the kernel's tape driver, fed by hand
//   scsi:/dev/sg3                              SCSI through the kernel, fed by hand
//   iscsi://[USER[%PASSWORD]@]HOST[:PORT]/TARGET/LUN      as libiscsi writes it
//   changer:DEVICE[,drive=URL]...              DEVICE: /dev/sg4, /dev/sch0 or iscsi://...
//
// Errors: throws Error{invalid} with one sentence, in which no password stands.

namespace mixtape::tapeio {

struct DeviceUrl {
  enum class Kind { st, scsi, iscsi };
  Kind kind = Kind::st;
  std::string text;  // The URL for people: without a password.

  std::string path = {};  // st and scsi: absolute.

  // iscsi only.
  std::string host = {};  // An IPv6 address without its brackets.
  std::uint16_t port = 3260;
  std::string target = {};  // "iqn.2026-11.example:tape"
  std::uint16_t lun = 0;
  std::string user = {}, password = {};  // CHAP; empty: none.
};

struct CartridgeLibraryUrl {
  std::optional<DeviceUrl> changer;  // Nullopt: fed by hand.
  std::vector<DeviceUrl> drives;     // With no changer, exactly one.
};

// "st:", "scsi:" or "iscsi:".
[[nodiscard]] DeviceUrl parse_device_url(std::string_view url);

// Whether the scheme is one of those above; others are not for parse_cartridge_library_url.
[[nodiscard]] bool is_cartridge_library_url(std::string_view url);
[[nodiscard]] CartridgeLibraryUrl parse_cartridge_library_url(std::string_view url);

}  // namespace mixtape::tapeio
