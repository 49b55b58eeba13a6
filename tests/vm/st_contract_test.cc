// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tapeio/st_drive.h"
#include "tests/contract/tape_drive_contract.h"
#include "tests/vm/kernel_world.h"

// The st drive on /dev/nst0 by the kernel's st driver, with tgt behind it, under the one contract;
// run by tests/vm/in_vm.sh inside its guest. tgt takes larger records than it says.

namespace mixtape::test {
namespace {

std::vector<DriveKind> kinds() {
  const std::string device = vm_device("MIXTAPE_VM_NST");
  if (device.empty()) {
    return {};
  }
  const auto open = [device]() -> std::unique_ptr<tapeio::TapeDrive> {
    return tapeio::open_st_drive(device, {.ignore_block_limits = true});
  };
  return {
      {.name = "St",
       .make =
           [open](std::uint64_t capacity) { return std::make_unique<KernelWorld>(capacity, open); },
       .target = "st"}};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TapeDriveContract);
INSTANTIATE_TEST_SUITE_P(Kernel, TapeDriveContract, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace mixtape::test
