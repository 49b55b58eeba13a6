// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "tapeio/device_file.h"
#include "tapeio/scsi/transport.h"

// SCSI commands through Linux' SG_IO: on /dev/sg* with the device to itself, and beside the st
// driver on /dev/nst* for what mtio has no word for.
//
// Errors: as transport.h. `locked` when another program has the device; `not_permitted` when SG_IO
//         is refused (on /dev/nst* it asks for CAP_SYS_RAWIO); `not_found` when the device went
//         away; `invalid` when more than most_data() is to be moved.

namespace mixtape::tapeio::scsi {

class SgTransport final : public Transport {
 public:
  // Opens the device for this transport alone (O_EXCL).
  explicit SgTransport(std::unique_ptr<DeviceFile> device);
  // Beside a driver that has `device` open already; it must outlive the transport.
  explicit SgTransport(DeviceFile& device);

  [[nodiscard]] std::string name() const override { return device_.path(); }
  [[nodiscard]] Reply execute(const Command& command) override;
  [[nodiscard]] std::size_t most_data() const override { return most_data_; }

 private:
  std::unique_ptr<DeviceFile> owned_;
  DeviceFile& device_;
  std::size_t most_data_ = 0;
};

// /dev/sg3.
[[nodiscard]] std::unique_ptr<SgTransport> open_sg_transport(const std::string& path);

}  // namespace mixtape::tapeio::scsi
