// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <utility>

#include "tapeio/scsi/scsi_drive.h"
#include "tests/contract/tape_drive_contract.h"
#include "tests/emulation/emulated_tape_drive.h"

// The SCSI drive under the one contract, over drives of several shapes.

namespace mixtape::test {
namespace {

using namespace tapeio;  // NOLINT: the whole file is about it.

scsi::ScsiDriveOptions quick() {
  return {.label = "MX0001L8", .pause = std::chrono::milliseconds(0)};
}

class EmulatedWorld final : public DriveWorld {
 public:
  EmulatedWorld(EmulatedTapeDriveOptions options, std::uint64_t capacity_bytes)
      : drive_(std::move(options)),
        cartridge_(std::make_shared<EmulatedCartridge>(EmulatedCartridgeOptions{
            .capacity_bytes = capacity_bytes, .early_warning_bytes = capacity_bytes / 20})) {}

  std::unique_ptr<TapeDrive> load() override {
    static_cast<void>(drive_.remove());
    drive_.insert(cartridge_);
    return std::make_unique<scsi::ScsiDrive>(drive_.connect(), quick());
  }
  void cut_power() override { drive_.cut_power(); }
  std::unique_ptr<TapeDrive> load_write_protected() override {
    cartridge_->options.write_protected = true;
    return load();
  }
  std::unique_ptr<TapeDrive> empty_drive() override {
    static_cast<void>(drive_.remove());
    return std::make_unique<scsi::ScsiDrive>(drive_.connect(), quick());
  }

 private:
  EmulatedTapeDrive drive_;
  std::shared_ptr<EmulatedCartridge> cartridge_;
};

DriveKind shape(const char* name, EmulatedTapeDriveOptions options) {
  const char* target = options.like_tgt ? "tgt" : "";
  return {.name = name,
          .make =
              [options](std::uint64_t capacity) {
                return std::make_unique<EmulatedWorld>(options, capacity);
              },
          .target = target};
}

INSTANTIATE_TEST_SUITE_P(
    ScsiDrives, TapeDriveContract,
    testing::Values(
        shape("WholeLto", {}), shape("DescriptorSense", {.descriptor_sense = true}),
        shape("WithoutProgrammableEarlyWarning", {.has_programmable_early_warning = false}),
        shape("WithoutLongCommands", {.lacking = {0x91, 0x92}}),
        shape("WithoutLongPosition", {.lacking = {0x91, 0x92, 0xa3}, .lacking_actions = {0x3406}}),
        shape("WithoutLocate", {.lacking = {0x2b, 0x92}}),
        shape("WithoutPosition", {.lacking = {0x34, 0x2b, 0x92, 0x91}}),
        shape("WithoutReservations", {.lacking = {0x5f, 0x16, 0x17}}),
        shape("LikeTgt", {.like_tgt = true})),
    name_of);

}  // namespace
}  // namespace mixtape::test
