// SPDX-License-Identifier: Apache-2.0
#include "tests/library/fake_robot.h"

#include <algorithm>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::test {

using tapeio::Element;
using tapeio::Position;
using tapeio::ReadResult;
using tapeio::WriteResult;

Cartridge make_cartridge(const std::string& barcode) {
  return std::make_shared<tapeio::MemoryMedium>(tapeio::MemoryMediumOptions{.label = barcode});
}

// What a program has of a FakeDrive.
class OpenedDrive final : public tapeio::TapeDrive {
  template <typename Operation>
  auto with(Operation operation) {
    if (drive_.is_unplugged) {
      throw Error(ErrorCode::io, "use the drive: it is unplugged");
    }
    const std::lock_guard lock(drive_.mutex_);
    return operation(drive_.mechanism_);
  }

 public:
  OpenedDrive(FakeDrive& drive, tapeio::WhileNotReady not_ready)
      : drive_(drive), not_ready_(std::move(not_ready)) {}

  std::optional<tapeio::MediumInfo> medium() override {
    ++drive_.polled;
    while (not_ready_ && !drive_.is_unplugged && has_cartridge() && drive_.measures > 0) {
      not_ready_("the drive measures its tape", 1.0 / (drive_.measures + 1));
      --drive_.measures;
    }
    return with([&](auto& mechanism) -> std::optional<tapeio::MediumInfo> {
      if (drive_.polls_until_ready > 0) {
        --drive_.polls_until_ready;
        return std::nullopt;
      }
      auto medium = mechanism.medium();
      if (medium && drive_.tells_insertions) {
        medium->insertion = drive_.insertions_;
      }
      return medium;
    });
  }
  ReadResult read_record(MutableBytes buffer) override {
    return with([&](auto& mechanism) { return mechanism.read_record(buffer); });
  }
  WriteResult write_record(ByteView record) override {
    return with([&](auto& mechanism) { return mechanism.write_record(record); });
  }
  WriteResult write_filemark() override {
    return with([&](auto& mechanism) { return mechanism.write_filemark(); });
  }
  void rewind() override {
    ++drive_.rewound;
    with([&](auto& mechanism) { mechanism.rewind(); });
  }
  void locate(std::uint64_t block) override {
    with([&](auto& mechanism) { mechanism.locate(block); });
  }
  std::uint64_t space_filemarks(std::int64_t count) override {
    return with([&](auto& mechanism) { return mechanism.space_filemarks(count); });
  }
  void seek_end_of_data() override {
    with([&](auto& mechanism) { mechanism.seek_end_of_data(); });
  }
  Position position() override {
    return with([&](auto& mechanism) { return mechanism.position(); });
  }
  void name_next_file(std::string_view /*hint*/) override {}
  tapeio::DriveFeatures features() override {
    tapeio::DriveFeatures features;
    features.identity.emplace();
    features.identity->vendor = "ACME";
    features.identity->serial = drive_.serial_;
    return features;
  }
  void unload() override {
    ++drive_.unloaded;
    with([&](auto& mechanism) { mechanism.eject(); });
    const std::lock_guard lock(drive_.mutex_);
    drive_.is_threaded_ = false;
  }

 private:
  bool has_cartridge() {
    const std::lock_guard lock(drive_.mutex_);
    return drive_.cartridge_ != nullptr;
  }

  FakeDrive& drive_;
  const tapeio::WhileNotReady not_ready_;
};

void FakeDrive::insert(Cartridge cartridge) {
  const std::lock_guard lock(mutex_);
  cartridge_ = std::move(cartridge);
  mechanism_.insert(*cartridge_);
  is_threaded_ = true;
  ++insertions_;
}

Cartridge FakeDrive::take_out() {
  const std::lock_guard lock(mutex_);
  mechanism_.eject();
  is_threaded_ = false;
  return std::exchange(cartridge_, nullptr);
}

std::unique_ptr<tapeio::TapeDrive> FakeDrive::open(const tapeio::WhileNotReady& not_ready) {
  ++opened;
  if (is_unplugged) {
    throw Error(ErrorCode::not_found, "open the drive: it is unplugged");
  }
  return std::make_unique<OpenedDrive>(*this, not_ready);
}

class ConnectedRobot final : public tapeio::Changer {
 public:
  explicit ConnectedRobot(FakeRobot& robot) : robot_(robot) {}

  std::string name() const override { return "/dev/robot"; }

  std::vector<Element> elements() override {
    ++robot_.looks;
    require_plugged();
    const std::lock_guard lock(robot_.mutex_);
    std::vector<Element> elements;
    for (const auto& [address, place] : robot_.places_) {
      elements.push_back(place.element);
      if (!robot_.tells_serials) {
        elements.back().identifier.clear();
      }
    }
    return elements;
  }

  void move(std::uint16_t from, std::uint16_t to) override {
    if (robot_.before_move) {
      robot_.before_move(from, to);
    }
    require_plugged();
    const bool jams = robot_.jams_in_hand.exchange(false);
    const std::uint16_t reached = jams ? FakeRobot::kHand : to;
    carry(from, reached);
    if (jams) {
      throw Error(ErrorCode::io, "move a cartridge: the mover is jammed");
    }
  }

 private:
  void require_plugged() const {
    if (robot_.is_unplugged) {
      throw Error(ErrorCode::io, "ask the robot: it is unplugged");
    }
  }

  void carry(std::uint16_t from, std::uint16_t to) {
    const std::lock_guard lock(robot_.mutex_);
    auto& source = robot_.places_.at(from);
    auto& destination = robot_.places_.at(to);
    robot_.moves_.push_back(place_name(source.element) + " -> " + place_name(destination.element));
    if (!source.element.full) {
      throw Error(ErrorCode::not_found, "move a cartridge: there is none");
    }
    if (destination.element.full) {
      throw Error(ErrorCode::conflict, "move a cartridge: its place is full");
    }
    if (source.drive != nullptr && source.drive->is_threaded_) {
      throw Error(ErrorCode::locked, "move a cartridge: the drive does not give it out");
    }
    if (source.drive != nullptr) {
      static_cast<void>(source.drive->take_out());
    }
    destination.cartridge = std::exchange(source.cartridge, nullptr);
    destination.element.barcode = std::exchange(source.element.barcode, {});
    destination.element.full = std::exchange(source.element.full, false);
    destination.element.source = from;
    if (destination.drive != nullptr && !tapeio::is_cleaning_barcode(destination.element.barcode)) {
      destination.drive->insert(destination.cartridge);
    }
  }

  FakeRobot& robot_;
};

FakeRobot::FakeRobot(Size size) {
  const auto add = [&](Element::Kind kind, std::uint16_t first, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      const auto address = static_cast<std::uint16_t>(first + i);
      places_[address].element = {.kind = kind, .address = address, .number = i + 1};
    }
  };
  add(Element::Kind::transport, kHand, 1);
  add(Element::Kind::slot, kSlots, size.slots);
  add(Element::Kind::import_export, kImportExports, size.import_exports);
  add(Element::Kind::drive, kDrives, size.drives);
  for (unsigned i = 0; i < size.drives; ++i) {
    const std::string serial = "SN" + std::to_string(i + 1);
    drives_.push_back(std::make_unique<FakeDrive>(serial));
    Place& place = places_.at(static_cast<std::uint16_t>(kDrives + i));
    place.drive = drives_.back().get();
    place.element.identifier = "ACME    TAPE            " + serial;
  }
}

std::unique_ptr<tapeio::Changer> FakeRobot::connect() {
  return std::make_unique<ConnectedRobot>(*this);
}

void FakeRobot::put(std::uint16_t address, const std::string& barcode, Cartridge cartridge) {
  const std::lock_guard lock(mutex_);
  Place& place = places_.at(address);
  place.cartridge = cartridge ? std::move(cartridge) : make_cartridge(barcode);
  place.element.full = true;
  place.element.barcode = barcode;
  if (place.drive != nullptr) {
    place.drive->insert(place.cartridge);
  }
}

Cartridge FakeRobot::take(std::uint16_t address) {
  const std::lock_guard lock(mutex_);
  Place& place = places_.at(address);
  place.element.full = false;
  place.element.barcode.clear();
  if (place.drive != nullptr) {
    static_cast<void>(place.drive->take_out());
  }
  return std::exchange(place.cartridge, nullptr);
}

std::optional<std::string> FakeRobot::at(std::uint16_t address) {
  const std::lock_guard lock(mutex_);
  const Place& place = places_.at(address);
  return place.element.full ? std::optional(place.element.barcode) : std::nullopt;
}

std::vector<std::string> FakeRobot::take_moves() {
  const std::lock_guard lock(mutex_);
  return std::exchange(moves_, {});
}

}  // namespace mixtape::test
