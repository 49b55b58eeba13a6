// SPDX-License-Identifier: Apache-2.0
#include "tapeio/st_side_band.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/scsi/head_positions.h"
#include "tapeio/scsi/sg_transport.h"
#include "tapeio/scsi/ssc_commands.h"

namespace mixtape::tapeio {
namespace {

constexpr std::chrono::milliseconds kPause{1000};

// The kernel would not even pass the command on. To the one who asks that is the same as a drive
// that does not know it: he goes without.
scsi::Reply not_passed_on() {
  constexpr std::array<std::uint8_t, 14> kUnknownCommand = {0x70, 0, 0x05, 0, 0, 0,    0,
                                                            6,    0, 0,    0, 0, 0x20, 0};
  scsi::Reply reply{.status = scsi::Status::check_condition, .sense_size = kUnknownCommand.size()};
  std::ranges::copy(kUnknownCommand, reply.sense.begin());
  return reply;
}

}  // namespace

class StSideBand::Beside final : public scsi::Transport {
 public:
  Beside(DeviceFile& device, OpenSg open_sg)
      : st_(device), device_(device), open_sg_(std::move(open_sg)) {}

  [[nodiscard]] std::string name() const override { return device_.path(); }
  [[nodiscard]] std::size_t most_data() const override { return st_.most_data(); }
  [[nodiscard]] scsi::Reply execute(const scsi::Command& command) override {
    if (!is_st_closed_) {
      if (const auto reply = attempt(st_, command)) {
        return *reply;
      }
      is_st_closed_ = true;
      open_sg();
    }
    if (sg_) {
      if (const auto reply = attempt(*sg_, command)) {
        return *reply;
      }
    }
    refused_.insert(command.cdb[0]);
    return not_passed_on();
  }
  [[nodiscard]] const std::set<std::uint8_t>& refused() const { return refused_; }

 private:
  static std::optional<scsi::Reply> attempt(scsi::SgTransport& through,
                                            const scsi::Command& command) {
    try {
      return through.execute(command);
    } catch (const Error& error) {
      const bool is_refusal = error.code() == ErrorCode::not_permitted ||
                              error.code() == ErrorCode::invalid ||
                              error.code() == ErrorCode::unsupported;
      if (!is_refusal) {
        throw;
      }
      return std::nullopt;
    }
  }

  void open_sg() {
    sg_device_ = open_sg_ ? open_sg_() : nullptr;
    // Not for this program alone: the st device is.
    if (sg_device_ && sg_device_->open(O_RDWR | O_NONBLOCK) == 0) {
      sg_.emplace(*sg_device_);
    }
  }

  scsi::SgTransport st_;
  DeviceFile& device_;
  OpenSg open_sg_;
  std::unique_ptr<DeviceFile> sg_device_;
  std::optional<scsi::SgTransport> sg_;
  bool is_st_closed_ = false;       // It refuses every command alike.
  std::set<std::uint8_t> refused_;  // Operation codes that nobody passed on.
};

class StSideBand::Space final : public SpaceGauge {
 public:
  explicit Space(SpaceGauge& of_drive) : of_drive_(of_drive) {}
  [[nodiscard]] std::optional<RemainingSpace> remaining() override { return of_drive_.remaining(); }
  [[nodiscard]] bool warn_earlier(std::uint64_t /*bytes*/) override { return false; }

 private:
  SpaceGauge& of_drive_;
};

StSideBand::StSideBand(DeviceFile& device, OpenSg open_sg)
    : transport_(new Beside(device, std::move(open_sg))),
      link_(std::unique_ptr<scsi::Transport>(transport_), kPause) {
  try {
    support_ = scsi::find_support(link_);
    features_.emplace(link_, support_);
    const auto limits =
        scsi::parse_block_limits(link_.ask("ask for block limits", scsi::read_block_limits(), 6));
    if (limits && limits->largest > 0) {
      largest_block_ = limits->largest;
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::exhausted) {
      throw;
    }
    // The drive works without all this.
  }
}

StSideBand::~StSideBand() = default;

DriveFeatures StSideBand::offered(bool has_medium) {
  if (!features_) {
    return {};
  }
  DriveFeatures offered = features_->offered(has_medium);
  if (offered.space != nullptr) {
    if (!space_) {
      space_ = std::make_unique<Space>(*offered.space);
    }
    offered.space = space_.get();
  }
  return offered;
}

std::optional<scsi::ReportedPosition> StSideBand::position() {
  return scsi::ask_position(link_, scsi::PositionForm::complete);
}

void StSideBand::latch_alerts() noexcept {
  if (features_) {
    features_->latch_alerts();
  }
}

std::string StSideBand::news() {
  std::string news = link_.lost();
  link_.regain_position();
  return news;
}

std::string StSideBand::note() const {
  const std::set<std::uint8_t>& refused = transport_->refused();
  if (features_ && refused.empty()) {
    return {};
  }
  const std::string what = !features_ ? "who the drive is, the cartridge's chip, TapeAlert and wear"
                                      : "some of what drive and cartridge tell of themselves";
  return "not to be asked by this user: " + what +
         "; run as root, or with CAP_SYS_RAWIO, or give access to the drive's sg device";
}

}  // namespace mixtape::tapeio
