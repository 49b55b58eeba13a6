// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "tapeio/drive_features.h"
#include "tapeio/scsi/drive_link.h"
#include "tapeio/scsi/drive_support.h"

// What a SCSI tape drive offers besides reading and writing, each over one or two commands.
//
// Lifetime: `link` and `support` must outlive the objects.

namespace mixtape::tapeio::scsi {

// READ and WRITE ATTRIBUTE.
class AttributeMemory final : public MediumMemory {
 public:
  explicit AttributeMemory(DriveLink& link) : link_(link) {}
  [[nodiscard]] MediumStory story() override;
  void write_story(const MediumStory& story) override;
  [[nodiscard]] MediumWear wear() override;

 private:
  DriveLink& link_;
};

// Log page 12h, which keeps its flags when read; 2Eh, which forgets them, where it is all there is.
class LoggedAlerts final : public TapeAlerts {
 public:
  LoggedAlerts(DriveLink& link, const DriveSupport& support) : link_(link), support_(support) {}
  [[nodiscard]] std::vector<TapeAlert> raised() override;
  // Takes over what is raised now, and throws nothing: for the way to another Error.
  void latch() noexcept;
  [[nodiscard]] bool has_raised(std::uint8_t flag) const { return raised_.contains(flag); }

 private:
  DriveLink& link_;
  const DriveSupport& support_;
  std::set<std::uint8_t> raised_;
};

// Log pages 02h, 03h and 11h.
class LoggedGauges final : public DriveGauges {
 public:
  LoggedGauges(DriveLink& link, const DriveSupport& support, LoggedAlerts& alerts)
      : link_(link), support_(support), alerts_(alerts) {}
  [[nodiscard]] DriveHealth health() override;

 private:
  DriveLink& link_;
  const DriveSupport& support_;
  LoggedAlerts& alerts_;
};

// Log page 31h, else the medium's memory; mode page 10h/01h.
class LoggedSpace final : public SpaceGauge {
 public:
  LoggedSpace(DriveLink& link, const DriveSupport& support, MediumMemory& memory)
      : link_(link), support_(support), memory_(memory) {}
  [[nodiscard]] std::optional<RemainingSpace> remaining() override;
  [[nodiscard]] bool warn_earlier(std::uint64_t bytes) override;
  // A drive that was reset has forgotten the wish: it is told again.
  void renew_warning() noexcept;
  // The drive keeps the wish until it is reset, and the next program knows nothing of it: Linux' st
  // takes such a warning for an error.
  void give_back_warning() noexcept;

 private:
  [[nodiscard]] bool set_warning(std::uint64_t bytes);

  DriveLink& link_;
  const DriveSupport& support_;
  MediumMemory& memory_;
  std::uint64_t warning_bytes_ = 0;  // What the drive was asked for.
};

// READ END OF WRAP POSITION.
class ReportedWraps final : public WrapMap {
 public:
  explicit ReportedWraps(DriveLink& link) : link_(link) {}
  [[nodiscard]] std::vector<std::uint64_t> ends_of_wraps() override;

 private:
  DriveLink& link_;
};

// GENERATE and RECEIVE RECOMMENDED ACCESS ORDER.
class RecommendedOrder final : public AccessOrder {
 public:
  RecommendedOrder(DriveLink& link, std::size_t most_ranges)
      : link_(link), most_ranges_(most_ranges) {}
  [[nodiscard]] std::size_t most_ranges() override { return most_ranges_; }
  [[nodiscard]] std::vector<std::size_t> recommend(std::span<const BlockRange> ranges) override;

 private:
  DriveLink& link_;
  std::size_t most_ranges_;
};

// All of them; finds out once, with the first medium, which ones this drive has.
class ScsiFeatures {
 public:
  ScsiFeatures(DriveLink& link, const DriveSupport& support);
  [[nodiscard]] DriveFeatures offered(bool has_medium);
  void latch_alerts() noexcept { alerts_.latch(); }
  void renew_warning() noexcept { space_.renew_warning(); }
  void give_back_warning() noexcept { space_.give_back_warning(); }

 private:
  void try_with_medium();

  DriveLink& link_;
  const DriveSupport& support_;
  AttributeMemory memory_;
  LoggedAlerts alerts_;
  LoggedGauges gauges_;
  LoggedSpace space_;
  ReportedWraps wraps_;
  bool was_tried_ = false;
  bool has_memory_ = false;
  bool has_wraps_ = false;
  std::optional<RecommendedOrder> order_;
};

}  // namespace mixtape::tapeio::scsi
