// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/kernel_world.h"

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace mixtape::test {
namespace {

void run(const std::string& command) {
  if (std::system((command + " >/dev/null").c_str()) != 0) {
    throw std::runtime_error(command + " failed");
  }
}

// Of the target, which is unit 1 in the guest.
std::string unit(const std::string& operation) {
  return "tgtadm --control-port 1 --lld iscsi --mode logicalunit --tid 1 --lun 1 --op " + operation;
}

std::string update(const std::string& parameters) {
  return unit("update --params " + parameters);
}

}  // namespace

// In one go: to start a program takes a second where the processor is emulated.
KernelWorld::KernelWorld(std::uint64_t capacity_bytes, Open open) : open_(std::move(open)) {
  static int cartridge = 0;
  const std::string file = "/dev/shm/target/NEW" + std::to_string(++cartridge);
  run("{ rm -f /dev/shm/target/NEW* && tgtimg --op new --device-type tape --barcode NEW "
      "--type data --size " +
      std::to_string((capacity_bytes + MiB - 1) / MiB) + " --file " + file + " && " +
      unit("delete") + " && " +
      unit("new --bstype ssc --device-type tape --backing-store " + file) + " && " +
      update("vendor_id=MIXTAPE,product_id=TGT-DRIVE,removable=1,scsi_sn=DRV001") + "; }");
}

std::unique_ptr<tapeio::TapeDrive> KernelWorld::load_write_protected() {
  run(update("readonly=1"));
  return load();
}

std::unique_ptr<tapeio::TapeDrive> KernelWorld::empty_drive() {
  run(update("online=0"));
  return load();
}

std::string vm_device(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : "";
}

}  // namespace mixtape::test
