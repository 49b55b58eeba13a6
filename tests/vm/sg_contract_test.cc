// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tapeio/scsi/scsi_drive.h"
#include "tapeio/scsi/sg_transport.h"
#include "tests/contract/tape_drive_contract.h"
#include "tests/vm/kernel_world.h"

// The scsi drive on /dev/sg* by the kernel's sg driver, with tgt behind it, under the one contract;
// run by tests/vm/in_vm.sh inside its guest.

namespace mixtape::test {
namespace {

std::vector<DriveKind> kinds() {
  const std::string device = vm_device("MIXTAPE_VM_SG");
  if (device.empty()) {
    return {};
  }
  const auto open = [device]() -> std::unique_ptr<tapeio::TapeDrive> {
    return std::make_unique<tapeio::scsi::ScsiDrive>(tapeio::scsi::open_sg_transport(device),
                                                     tapeio::scsi::ScsiDriveOptions{});
  };
  return {
      {.name = "Sg",
       .make =
           [open](std::uint64_t capacity) { return std::make_unique<KernelWorld>(capacity, open); },
       .target = "sg"}};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TapeDriveContract);
INSTANTIATE_TEST_SUITE_P(Kernel, TapeDriveContract, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace mixtape::test
