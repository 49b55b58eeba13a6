// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tests/contract/tape_drive_contract.h"

// A drive of the virtual machine of tests/vm/in_vm.sh, whose target has the control number 1. The
// kernel knows the drive: it stays, and each world puts another cartridge into it.

namespace mixtape::test {

class KernelWorld final : public DriveWorld {
 public:
  using Open = std::function<std::unique_ptr<tapeio::TapeDrive>()>;
  KernelWorld(std::uint64_t capacity_bytes, Open open);

  std::unique_ptr<tapeio::TapeDrive> load() override { return open_(); }
  void cut_power() override {}
  std::unique_ptr<tapeio::TapeDrive> load_write_protected() override;
  std::unique_ptr<tapeio::TapeDrive> empty_drive() override;

 private:
  Open open_;
};

// What the guest tells in its environment (MIXTAPE_VM_NST, MIXTAPE_VM_SG); empty elsewhere.
[[nodiscard]] std::string vm_device(const char* variable);

}  // namespace mixtape::test
