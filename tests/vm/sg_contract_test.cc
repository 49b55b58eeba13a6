// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tapeio/scsi/scsi_drive.h"
#include "tapeio/scsi/sg_transport.h"
#include "tests/contract/tape_drive_contract.h"

// The scsi drive on /dev/sg* by the kernel's sg driver, with tgt behind it, under the one contract;
// run by tests/vm/in_vm.sh inside its guest, whose target has the control number 1.

namespace mixtape::test {
namespace {

std::string device() {
  const char* value = std::getenv("MIXTAPE_VM_SG");
  return value != nullptr ? value : "";
}

void run(const std::string& command) {
  if (std::system((command + " >/dev/null").c_str()) != 0) {
    throw std::runtime_error(command + " failed");
  }
}

void update(const std::string& parameters) {
  run("tgtadm --control-port 1 --lld iscsi --op update --mode logicalunit --tid 1 --lun 1 "
      "--params " +
      parameters);
}

class SgWorld final : public DriveWorld {
 public:
  explicit SgWorld(std::uint64_t capacity_bytes) {
    // The kernel knows the drive: it stays, and another cartridge comes into it.
    static int cartridge = 0;
    const std::string file = "/dev/shm/target/SG" + std::to_string(++cartridge);
    run("rm -f /dev/shm/target/SG*");
    run("tgtimg --op new --device-type tape --barcode SG --type data --size " +
        std::to_string((capacity_bytes + MiB - 1) / MiB) + " --file " + file);
    const std::string unit =
        "tgtadm --control-port 1 --lld iscsi --mode logicalunit --tid 1 "
        "--lun 1 --op ";
    run(unit + "delete");
    run(unit + "new --bstype ssc --device-type tape --backing-store " + file);
    update("vendor_id=MIXTAPE,product_id=TGT-DRIVE,removable=1,scsi_sn=DRV001");
  }
  std::unique_ptr<tapeio::TapeDrive> load() override {
    return std::make_unique<tapeio::scsi::ScsiDrive>(tapeio::scsi::open_sg_transport(device()),
                                                     tapeio::scsi::ScsiDriveOptions{});
  }
  void cut_power() override {}
  std::unique_ptr<tapeio::TapeDrive> load_write_protected() override {
    update("readonly=1");
    return load();
  }
  std::unique_ptr<tapeio::TapeDrive> empty_drive() override {
    update("online=0");
    return load();
  }
};

std::vector<DriveKind> kinds() {
  if (device().empty()) {
    return {};
  }
  return {{.name = "Sg",
           .make = [](std::uint64_t capacity) { return std::make_unique<SgWorld>(capacity); },
           .target = "sg"}};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TapeDriveContract);
INSTANTIATE_TEST_SUITE_P(Kernel, TapeDriveContract, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace mixtape::test
