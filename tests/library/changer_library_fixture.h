// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tapeio/changer_library.h"
#include "tapeio/error.h"
#include "tests/library/fake_robot.h"
#include "tests/library/quick_options.h"
#include "tests/support/errors.h"

// A robot, and the library over it that waits for nothing for long.

namespace mixtape::test {

inline constexpr std::uint16_t kSlot1 = FakeRobot::kSlots, kSlot2 = kSlot1 + 1, kSlot4 = kSlot1 + 3;
inline constexpr std::uint16_t kDrive1 = FakeRobot::kDrives;
inline constexpr std::uint16_t kMail1 = FakeRobot::kImportExports;

// A robot and the library over it.
class ChangerLibraryTest : public testing::Test {
 protected:
  void build(FakeRobot::Size size = {}, tapeio::CartridgeLibraryOptions options = quick()) {
    robot_ = std::make_unique<FakeRobot>(size);
    robot_->put(kSlot1, "MX0001L8");
    robot_->put(kSlot2, "MX0002L8");
    open(size.drives, options);
  }
  void open(unsigned drives, tapeio::CartridgeLibraryOptions options = quick()) {
    std::vector<tapeio::CartridgeDrive> parts;
    // In an order that is not the robot's.
    for (unsigned number = drives; number > 0; --number) {
      parts.push_back({.device = "/dev/nst" + std::to_string(number),
                       .open = [this, number](const tapeio::WhileNotReady& not_ready) {
                         return robot_->drive(number).open(not_ready);
                       }});
    }
    library_ = tapeio::make_cartridge_library({.url = "changer:/dev/robot",
                                               .changer = robot_->connect(),
                                               .drives = std::move(parts),
                                               .options = options});
  }
  std::unique_ptr<tapeio::TapeDrive> load(
      const std::string& label, tapeio::Library::Access access = tapeio::Library::Access::read) {
    return library_->load(label, access);
  }
  std::optional<ErrorCode> error_loading(const std::string& label) {
    return error_of([&] { return load(label); });
  }
  tapeio::CartridgeMover& mover() { return *library_->mover(); }
  tapeio::MediumSlot slot(const std::string& label) {
    for (const tapeio::MediumSlot& each : library_->media()) {
      if (each.label == label) {
        return each;
      }
    }
    return {};
  }

  std::unique_ptr<FakeRobot> robot_;
  std::unique_ptr<tapeio::Library> library_;
};

}  // namespace mixtape::test
