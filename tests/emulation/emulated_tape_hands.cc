// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tests/emulation/emulated_drive_state.h"
#include "tests/emulation/emulated_tape_drive.h"

// The emulated drive from outside: hosts that connect to it, and what a test does by hand.

namespace mixtape::test {

using tapeio::scsi::Command;
using tapeio::scsi::Reply;

class EmulatedTapeDrive::Connection final : public tapeio::scsi::Transport {
 public:
  explicit Connection(std::shared_ptr<State> state) : state_(std::move(state)) {
    const std::lock_guard lock(state_->mutex);
    id_ = state_->next_nexus++;
    state_->nexuses[id_] = Nexus{};
  }
  ~Connection() override {
    const std::lock_guard lock(state_->mutex);
    state_->nexuses.erase(id_);
    if (state_->simple_holder == id_) {
      state_->simple_holder.reset();
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] std::string name() const override { return "emulated:" + state_->options.serial; }
  [[nodiscard]] Reply execute(const Command& command) override {
    return state_->execute(command, id_);
  }
  [[nodiscard]] std::size_t most_data() const override { return state_->options.most_data; }

 private:
  std::shared_ptr<State> state_;
  int id_ = 0;
};

EmulatedTapeDrive::EmulatedTapeDrive(EmulatedTapeDriveOptions options)
    : state_(std::make_shared<State>(std::move(options))) {}

EmulatedTapeDrive::~EmulatedTapeDrive() = default;

std::unique_ptr<tapeio::scsi::Transport> EmulatedTapeDrive::connect() {
  return std::make_unique<Connection>(state_);
}

bool EmulatedTapeDrive::insert(std::shared_ptr<EmulatedCartridge> cartridge) {
  const std::lock_guard lock(state_->mutex);
  if (state_->cartridge != nullptr) {
    return false;
  }
  state_->insert(std::move(cartridge));
  state_->is_threaded = !state_->options.waits_for_load;
  return true;
}

std::shared_ptr<EmulatedCartridge> EmulatedTapeDrive::remove(bool by_force) {
  if (!by_force && is_door_locked()) {
    return nullptr;
  }
  const std::lock_guard lock(state_->mutex);
  state_->is_threaded = false;
  state_->head = 0;
  return std::exchange(state_->cartridge, nullptr);
}

std::shared_ptr<EmulatedCartridge> EmulatedTapeDrive::cartridge() const {
  const std::lock_guard lock(state_->mutex);
  return state_->cartridge;
}

bool EmulatedTapeDrive::is_unloaded() const {
  const std::lock_guard lock(state_->mutex);
  return !state_->is_threaded;
}

bool EmulatedTapeDrive::is_door_locked() const {
  const std::lock_guard lock(state_->mutex);
  return std::any_of(state_->nexuses.begin(), state_->nexuses.end(),
                     [](const auto& nexus) { return nexus.second.prevents_removal; });
}

std::uint16_t EmulatedTapeDrive::warning_megabytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->warning_megabytes;
}

bool EmulatedTapeDrive::is_reserved() const {
  const std::lock_guard lock(state_->mutex);
  return state_->simple_holder || state_->persistent_holder;
}

std::string EmulatedTapeDrive::serial() const {
  const std::lock_guard lock(state_->mutex);
  return state_->options.serial;
}

void EmulatedTapeDrive::plan(EmulatedFault fault) {
  const std::lock_guard lock(state_->mutex);
  state_->faults.push_back(std::move(fault));
}

std::vector<std::uint8_t> EmulatedTapeDrive::take_commands() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->commands, {});
}

void EmulatedTapeDrive::raise_alert(std::uint8_t flag) {
  const std::lock_guard lock(state_->mutex);
  state_->raise(flag);
}

void EmulatedTapeDrive::cut_power() {
  const std::lock_guard lock(state_->mutex);
  if (state_->cartridge != nullptr) {
    state_->cartridge->cut_power();
  }
  state_->head = 0;
  state_->simple_holder.reset();
  state_->persistent_holder.reset();
  state_->warning_megabytes = 0;
  for (auto& [id, nexus] : state_->nexuses) {
    nexus = Nexus{};
  }
}

bool EmulatedTapeDrive::compresses() const {
  const std::lock_guard lock(state_->mutex);
  return state_->compresses;
}

bool EmulatedTapeDrive::is_buffered() const {
  const std::lock_guard lock(state_->mutex);
  return state_->buffered_mode == 1;
}

}  // namespace mixtape::test
