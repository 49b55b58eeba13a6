// SPDX-License-Identifier: Apache-2.0
#include "tapeio/library_url.h"

#include <algorithm>
#include <charconv>

#include "tapeio/error.h"
#include "tapeio/library.h"

namespace mixtape::tapeio {
namespace {

constexpr std::string_view kSt = "st:", kScsi = "scsi:", kIscsi = "iscsi://",
                           kDriveOption = ",drive=";
// Longer is no URL that somebody has written down.
constexpr std::size_t kMostUrlBytes = 8192;
constexpr std::size_t kMostDrives = 64;
constexpr std::size_t kMostHostBytes = 255;
constexpr std::size_t kMostTargetBytes = 223;  // RFC 7143 4.2.7.1.
constexpr std::uint16_t kHighestLun = 16383;   // What SAM-5's flat addressing can say.
constexpr std::size_t kMostShownBytes = 120;

// For messages: no password, nothing that a terminal would obey, not too long.
std::string shown(std::string_view url) {
  std::string text = url_for_people(url.substr(0, kMostUrlBytes));
  std::replace_if(
      text.begin(), text.end(), [](char each) { return each < ' ' || each > '~'; }, '?');
  return text.size() <= kMostShownBytes ? text : text.substr(0, kMostShownBytes) + "...";
}

[[noreturn]] void refuse(std::string_view url, const std::string& why) {
  throw Error(ErrorCode::invalid, "use " + shown(url) + ": " + why);
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char each) { return each > ' ' && each <= '~'; });
}

bool is_made_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char each) {
    return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
           (each >= '0' && each <= '9') || others.find(each) != std::string_view::npos;
  });
}

// Digits alone; nullopt for anything else and above `most`.
std::optional<std::uint16_t> parse_number(std::string_view text, std::uint16_t most) {
  std::uint16_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = failure == std::errc() && end == text.data() + text.size();
  return is_whole && value <= most ? std::optional(value) : std::nullopt;
}

std::string parse_path(std::string_view url, std::string_view path) {
  const bool is_clean =
      std::none_of(path.begin(), path.end(), [](char each) { return each >= 0 && each < ' '; });
  if (!path.starts_with('/') || path.size() < 2 || !is_clean) {
    refuse(url, "it needs the absolute path of a device");
  }
  if (path.find(',') != std::string_view::npos) {
    refuse(url, "behind a comma only drive=URL may stand");
  }
  return std::string(path);
}

void parse_host(DeviceUrl& device, std::string_view url, std::string_view host) {
  std::string_view port;
  const std::size_t bracket = host.find(']');
  const bool is_ipv6 = host.starts_with('[');
  if (is_ipv6 && bracket == std::string_view::npos) {
    refuse(url, "the bracket of its address is not closed");
  }
  const std::size_t colon = host.find(':', is_ipv6 ? bracket : 0);
  if (colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
    const auto number = parse_number(port, UINT16_MAX);
    if (!number || *number == 0) {
      refuse(url, "its port is no number from 1 to 65535");
    }
    device.port = *number;
  }
  const bool ends_well = !is_ipv6 || host.ends_with(']');
  const std::string_view name = is_ipv6 && ends_well ? host.substr(1, host.size() - 2) : host;
  if (name.empty() || name.size() > kMostHostBytes || !ends_well ||
      !is_made_of(name, is_ipv6 ? ":." : "._-") || name.starts_with('-')) {
    refuse(url, "it names no host");
  }
  device.host = name;
}

void parse_login(DeviceUrl& device, std::string_view url, std::string_view login) {
  const std::size_t percent = std::min(login.find('%'), login.size());
  device.user = login.substr(0, percent);
  device.password = login.substr(std::min(percent + 1, login.size()));
  if (device.user.empty() || !is_printable(login)) {
    refuse(url, "before the @ it needs USER%PASSWORD");
  }
}

DeviceUrl parse_iscsi(std::string_view url) {
  DeviceUrl device;
  device.kind = DeviceUrl::Kind::iscsi;
  std::string_view rest = url.substr(kIscsi.size());
  const std::size_t slash = rest.find('/');
  const std::size_t last = rest.rfind('/');
  if (slash == std::string_view::npos || slash == last) {
    refuse(url, "it must be iscsi://HOST/TARGET/LUN");
  }
  std::string_view authority = rest.substr(0, slash);
  const std::string_view target = rest.substr(slash + 1, last - slash - 1);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    parse_login(device, url, authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  parse_host(device, url, authority);
  if (target.empty() || target.size() > kMostTargetBytes || !is_made_of(target, ".:_-")) {
    refuse(url, "its target is no iSCSI name (iqn....)");
  }
  device.target = target;
  const auto lun = parse_number(rest.substr(last + 1), kHighestLun);
  if (!lun) {
    refuse(url, "its LUN is no number from 0 to 16383");
  }
  device.lun = *lun;
  device.text = std::string(kIscsi) + (device.user.empty() ? "" : device.user + "@") +
                std::string(authority) + std::string(rest.substr(slash));
  return device;
}

void require_bounded(std::string_view url) {
  if (url.size() > kMostUrlBytes) {
    refuse(url, "it is longer than " + std::to_string(kMostUrlBytes) + " characters");
  }
}

DeviceUrl parse_changer_device(std::string_view device) {
  if (device.starts_with(kIscsi)) {
    return parse_iscsi(device);
  }
  DeviceUrl parsed;
  parsed.kind = DeviceUrl::Kind::scsi;
  parsed.path = parse_path(std::string(kChangerScheme).append(device), device);
  parsed.text = parsed.path;
  return parsed;
}

}  // namespace

DeviceUrl parse_device_url(std::string_view url) {
  require_bounded(url);
  if (url.starts_with(kIscsi)) {
    return parse_iscsi(url);
  }
  const bool is_st = url.starts_with(kSt);
  if (!is_st && !url.starts_with(kScsi)) {
    refuse(url, "a drive is st:/dev/..., scsi:/dev/... or iscsi://HOST/TARGET/LUN");
  }
  DeviceUrl device;
  device.kind = is_st ? DeviceUrl::Kind::st : DeviceUrl::Kind::scsi;
  device.path = parse_path(url, url.substr(is_st ? kSt.size() : kScsi.size()));
  device.text = url;
  return device;
}

bool is_cartridge_library_url(std::string_view url) {
  return url.starts_with(kChangerScheme) || url.starts_with(kSt) || url.starts_with(kScsi) ||
         url.starts_with("iscsi:");
}

CartridgeLibraryUrl parse_cartridge_library_url(std::string_view url) {
  require_bounded(url);
  CartridgeLibraryUrl library;
  if (!url.starts_with(kChangerScheme)) {
    library.drives.push_back(parse_device_url(url));
    return library;
  }
  std::string_view rest = url.substr(kChangerScheme.size());
  std::vector<std::string_view> parts;
  for (std::size_t comma = 0; comma != std::string_view::npos;) {
    comma = rest.find(kDriveOption);
    parts.push_back(rest.substr(0, comma));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + kDriveOption.size());
  }
  if (parts.size() > kMostDrives + 1) {
    refuse(url, "it has more than " + std::to_string(kMostDrives) + " drives");
  }
  library.changer = parse_changer_device(parts.front());
  for (auto part = parts.begin() + 1; part != parts.end(); ++part) {
    DeviceUrl drive = parse_device_url(*part);
    const bool is_again = std::any_of(library.drives.begin(), library.drives.end(),
                                      [&](const auto& each) { return each.text == drive.text; });
    if (is_again) {
      refuse(url, "the drive " + drive.text + " stands in it twice");
    }
    library.drives.push_back(std::move(drive));
  }
  return library;
}

}  // namespace mixtape::tapeio
