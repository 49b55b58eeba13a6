// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/changer.h"
#include "tapeio/drive_features.h"
#include "tapeio/scsi/insist.h"
#include "tapeio/scsi/smc_commands.h"
#include "tapeio/scsi/transport.h"

// A medium changer that speaks SMC.
//
// What a changer lacks (volume tags, drive identifiers, locking its door) is found out once and
// done without; identity() says so.
//
// Threads:  none; a changer belongs to one thread at a time.
// Errors:   as Changer; also Error{io} for a target that breaks the standard.

namespace mixtape::tapeio::scsi {

struct ScsiChangerOptions {
  // Between two questions to a target that is getting ready or is busy.
  std::chrono::milliseconds pause{1000};
  // How long it may take to get ready: a large library counts its cartridges after power-on.
  std::chrono::milliseconds patience = std::chrono::minutes(15);
};

class ScsiChanger final : public Changer {
 public:
  // Asks who it is and what it has. Error{invalid} when it is no changer.
  explicit ScsiChanger(std::unique_ptr<Transport> transport, ScsiChangerOptions options = {});

  [[nodiscard]] std::string name() const override { return transport_->name(); }
  [[nodiscard]] std::vector<Element> elements() override;
  // Nobody can open the door meanwhile, where the changer has a lock.
  void move(std::uint16_t from, std::uint16_t to) override;

  // Who it is and what it lacks, for people.
  [[nodiscard]] DriveIdentity identity() const;

 private:
  // Sends it again after a unit attention and while the target is busy or getting ready. What
  // comes back is good, or a sense that the caller has to understand.
  [[nodiscard]] Answer execute(const Command& command, std::string_view doing);
  // The same, where any other answer than good is an Error; returns what was transferred.
  std::size_t require(const Command& command, std::string_view doing);
  [[nodiscard]] std::string doing(std::string_view what) const;

  void learn_capabilities();
  [[nodiscard]] std::vector<Element> read_all();
  void read_kind(Element::Kind kind, std::vector<Element>& elements);
  [[nodiscard]] ElementStatus read_some(ElementStatusRequest& request);
  [[nodiscard]] Reply ask_status(ElementStatusRequest& request, Bytes& data);
  void lock_door(bool lock);
  [[nodiscard]] std::optional<Element::Kind> kind_at(std::uint16_t address) const;
  void require_movable(std::uint16_t from, std::uint16_t to) const;

  const std::unique_ptr<Transport> transport_;
  const ScsiChangerOptions options_;
  ChangerInquiry inquiry_;
  ElementAssignment assignment_;
  std::optional<ChangerCapabilities> capabilities_;
  bool has_volume_tags_ = true;
  bool has_drive_identifiers_ = true;
  bool has_door_lock_ = true;
  bool inventory_asked_ = false;  // INITIALIZE ELEMENT STATUS, once at most.
};

}  // namespace mixtape::tapeio::scsi
