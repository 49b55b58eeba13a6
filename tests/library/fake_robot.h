// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tapeio/cartridge_library.h"
#include "tapeio/changer.h"
#include "tapeio/memory_drive.h"

// A robot, drives and cartridges in memory, with hands in it: what a test does to them, their
// library has to find out.
//
// Threads:  internally synchronised.
// Lifetime: must outlive the changer and the drives that it hands out.

namespace mixtape::test {

using Cartridge = std::shared_ptr<tapeio::MemoryMedium>;

[[nodiscard]] Cartridge make_cartridge(const std::string& barcode);

class FakeDrive {
 public:
  explicit FakeDrive(std::string serial) : serial_(std::move(serial)) {}

  // A human's or a robot's hand.
  void insert(Cartridge cartridge);
  Cartridge take_out();
  // As CartridgeDrive::open: without a listener it never waits.
  [[nodiscard]] std::unique_ptr<tapeio::TapeDrive> open(
      const tapeio::WhileNotReady& not_ready = {});

  std::atomic<int> opened{0}, polled{0}, unloaded{0}, rewound{0};
  std::atomic<bool> is_unplugged{false};
  std::atomic<int> polls_until_ready{0};  // Until then it says that it is empty.
  // Until then it measures its tape, and says to its listener how far it is.
  std::atomic<int> measures{0};
  // Whether it says that another cartridge may be in (MediumInfo::insertion).
  std::atomic<bool> tells_insertions{false};

 private:
  friend class OpenedDrive;
  friend class ConnectedRobot;
  std::mutex mutex_;
  const std::string serial_;
  tapeio::MemoryDrive mechanism_;
  Cartridge cartridge_;
  bool is_threaded_ = false;
  std::uint64_t insertions_ = 0;
};

class FakeRobot {
 public:
  struct Size {
    unsigned slots = 4, import_exports = 1, drives = 1;
  };
  static constexpr std::uint16_t kHand = 0, kSlots = 1000, kImportExports = 100, kDrives = 500;

  explicit FakeRobot(Size size);

  [[nodiscard]] std::unique_ptr<tapeio::Changer> connect();
  [[nodiscard]] FakeDrive& drive(unsigned number) { return *drives_.at(number - 1); }
  // Puts it there by hand, or takes it out.
  void put(std::uint16_t address, const std::string& barcode, Cartridge cartridge = nullptr);
  Cartridge take(std::uint16_t address);
  // The barcode at a place; nullopt where it is empty.
  [[nodiscard]] std::optional<std::string> at(std::uint16_t address);

  [[nodiscard]] std::vector<std::string> take_moves();
  std::function<void(std::uint16_t from, std::uint16_t to)> before_move = {};
  std::atomic<bool> jams_in_hand{false};  // The next move ends in the hand, with Error{io}.
  std::atomic<bool> is_unplugged{false};
  std::atomic<bool> tells_serials{true};
  std::atomic<int> looks{0};

 private:
  friend class ConnectedRobot;
  struct Place {
    tapeio::Element element;
    Cartridge cartridge;
    FakeDrive* drive = nullptr;
  };
  std::mutex mutex_;
  std::vector<std::unique_ptr<FakeDrive>> drives_;
  std::map<std::uint16_t, Place> places_;
  std::vector<std::string> moves_;
};

}  // namespace mixtape::test
