// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tapeio/scsi/iscsi_transport.h"
#include "tapeio/scsi/scsi_drive.h"
#include "tests/contract/tape_drive_contract.h"
#include "tests/rigs/tgt_rig.h"

// The scsi drive over a real connection to tgt, under the one contract.

namespace mixtape::test {
namespace {

using tapeio::scsi::IscsiTransport;
using tapeio::scsi::ScsiDrive;

// One target for all tests of the program.
class OneRig final : public testing::Environment {
 public:
  void SetUp() override {
    if (TgtRig::why_not().empty()) {
      rig = std::make_unique<TgtRig>();
    }
  }
  void TearDown() override { rig.reset(); }
  static inline std::unique_ptr<TgtRig> rig;
};

[[maybe_unused]] const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new OneRig);

class TgtWorld final : public DriveWorld {
 public:
  explicit TgtWorld(std::uint64_t capacity_bytes) {
    OneRig::rig->insert_blank(1, (capacity_bytes + MiB - 1) / MiB);
  }
  std::unique_ptr<tapeio::TapeDrive> load() override {
    return std::make_unique<ScsiDrive>(std::make_unique<IscsiTransport>(OneRig::rig->url(1, 1)),
                                       tapeio::scsi::ScsiDriveOptions{});
  }
  // What tgt has taken is in the kernel's page cache: it survives.
  void cut_power() override {}
  std::unique_ptr<tapeio::TapeDrive> load_write_protected() override {
    OneRig::rig->set_write_protected(1, true);
    return load();
  }
  std::unique_ptr<tapeio::TapeDrive> empty_drive() override {
    OneRig::rig->empty(1);
    return load();
  }
};

DriveKind tgt() {
  return {.name = "Tgt",
          .make = [](std::uint64_t capacity) { return std::make_unique<TgtWorld>(capacity); },
          .target = "tgt"};
}

// None where no target can run.
std::vector<DriveKind> kinds() {
  return TgtRig::why_not().empty() ? std::vector<DriveKind>{tgt()} : std::vector<DriveKind>{};
}

TEST(TgtRigTest, RunsHere) {
  if (const std::string reason = TgtRig::why_not(); !reason.empty()) {
    GTEST_SKIP() << "no contract on tgt: " << reason;
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TapeDriveContract);
INSTANTIATE_TEST_SUITE_P(Iscsi, TapeDriveContract, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace mixtape::test
