// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/drive_support.h"

namespace mixtape::tapeio::scsi {
namespace {

constexpr std::uint8_t kSupportedLogPages = 0x00;

}  // namespace

bool DriveSupport::may_have(std::uint8_t operation, std::uint16_t action) const {
  return !operations || operations->contains({operation, action});
}

DriveSupport find_support(DriveLink& link) {
  const auto inquired = parse_inquiry(link.ask("identify the drive", inquiry(96), 96));
  if (!inquired || inquired->device_type != kTapeDeviceType) {
    throw Error(ErrorCode::unsupported,
                "open " + link.transport().name() + ": this is no tape drive");
  }
  DriveSupport support;
  support.identity.vendor = inquired->vendor;
  support.identity.product = inquired->product;
  support.identity.revision = inquired->revision;
  const Bytes serial = link.ask("read the serial number", inquiry_page(kSerialPage, 255), 255);
  support.identity.serial = parse_serial(serial).value_or("");
  support.operations = parse_operation_codes(
      link.ask("ask for supported commands", report_operation_codes(16384), 16384));
  if (support.may_have(op::kLogSense)) {
    const Bytes pages = link.ask("ask for log pages", log_sense(kSupportedLogPages, 260), 260);
    // This page is a list of numbers, not of parameters.
    if (pages.size() > 4 && (std::to_integer<int>(pages[0]) & 0x3f) == kSupportedLogPages) {
      for (const std::byte page : ByteView(pages).subspan(4)) {
        support.log_pages.insert(std::to_integer<std::uint8_t>(page));
      }
    }
  }
  return support;
}

}  // namespace mixtape::tapeio::scsi
