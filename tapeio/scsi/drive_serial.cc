// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/drive_serial.h"

#include <algorithm>
#include <cstdint>

#include "tapeio/scsi/ssc_commands.h"
#include "tapeio/scsi/ssc_data.h"

namespace mixtape::tapeio::scsi {
namespace {

constexpr std::uint16_t kInquiryBytes = 255;

Bytes inquire(Transport& transport, const SscCommand& command) {
  Bytes data(kInquiryBytes);
  const Reply reply = transport.execute({.cdb = command.cdb(), .in = data});
  data.resize(reply.status == Status::good ? std::min(reply.transferred, data.size()) : 0);
  return data;
}

}  // namespace

std::optional<std::string> serial_of_tape_drive(Transport& transport) {
  const auto inquired = parse_inquiry(inquire(transport, inquiry(kInquiryBytes)));
  if (!inquired || inquired->device_type != kTapeDeviceType) {
    return std::nullopt;
  }
  return parse_serial(inquire(transport, inquiry_page(kSerialPage, kInquiryBytes)));
}

}  // namespace mixtape::tapeio::scsi
