// SPDX-License-Identifier: Apache-2.0
#include "tapeio/scsi/scsi_features.h"

#include <algorithm>

#include "tapeio/scsi/log_pages.h"
#include "tapeio/tape_alerts.h"

namespace mixtape::tapeio::scsi {
namespace {

constexpr std::uint16_t kRecommendedOrderAction = 0x1d;
constexpr std::uint16_t kEndOfWrapAction = 0x1f;
// A page of alerts, errors or capacity has some hundred bytes; volume statistics some thousand.
constexpr std::uint16_t kLogBytes = 16384;
// LTO-9 has 280 wraps and LTO-10 not many more, each of 12 bytes.
constexpr std::size_t kWrapBytes = 4 + 12 * 1024;
constexpr std::uint64_t kMegabyte = 1'000'000;
// What a mode select list may hold here: header, block descriptor, page.
constexpr std::uint16_t kModeListBytes = 512;

}  // namespace

std::optional<LogParameters> read_log(DriveLink& link, const DriveSupport& support,
                                      std::uint8_t page) {
  if (!support.log_pages.contains(page)) {
    return std::nullopt;
  }
  return parse_log_page(link.ask("read a log page", log_sense(page, kLogBytes), kLogBytes), page);
}

std::vector<TapeAlert> LoggedAlerts::raised() {
  if (const auto response = read_log(link_, support_, log_page::kTapeAlertResponse)) {
    const auto flags = response->find(0);
    for (std::uint8_t flag = 1; flags != response->end() && flag <= kTapeAlertFlags; ++flag) {
      const std::size_t byte = (flag - 1u) / 8;
      if (byte < flags->second.size() &&
          (std::to_integer<unsigned>(flags->second[byte]) >> (7 - (flag - 1u) % 8) & 1) != 0) {
        raised_.insert(flag);
      }
    }
  } else if (const auto alerts = read_log(link_, support_, log_page::kTapeAlert)) {
    for (const auto& [code, value] : *alerts) {
      const bool is_flag = code >= 1 && code <= kTapeAlertFlags && !value.empty();
      if (is_flag && (std::to_integer<unsigned>(value[0]) & 1) != 0) {
        raised_.insert(static_cast<std::uint8_t>(code));
      }
    }
  }
  std::vector<TapeAlert> all;
  for (const std::uint8_t flag : raised_) {
    all.push_back(tape_alert(flag));
  }
  return all;
}

void LoggedAlerts::latch() noexcept {
  try {
    static_cast<void>(raised());
  } catch (const Error&) {
    // The caller is on its way to tell of the failure that matters.
  }
}

DriveHealth LoggedGauges::health() {
  constexpr std::uint16_t kTotalCorrected = 0x0003;
  constexpr std::uint16_t kTotalUncorrected = 0x0006;
  DriveHealth health;
  if (const auto writes = read_log(link_, support_, log_page::kWriteErrors)) {
    health.corrected_writes = number_of(*writes, kTotalCorrected);
    health.uncorrected_writes = number_of(*writes, kTotalUncorrected);
  }
  if (const auto reads = read_log(link_, support_, log_page::kReadErrors)) {
    health.corrected_reads = number_of(*reads, kTotalCorrected);
    health.uncorrected_reads = number_of(*reads, kTotalUncorrected);
  }
  if (const auto status = read_log(link_, support_, log_page::kDeviceStatus)) {
    const auto fast = status->find(0);
    constexpr std::byte kCleaningRequestedOrRequired{0x06};
    health.cleaning_requested = fast != status->end() && !fast->second.empty() &&
                                (fast->second[0] & kCleaningRequestedOrRequired) != std::byte{0};
  }
  static_cast<void>(alerts_.raised());
  health.cleaning_requested = health.cleaning_requested || alerts_.has_raised(kCleanNow) ||
                              alerts_.has_raised(kCleanPeriodically);
  return health;
}

std::optional<RemainingSpace> LoggedSpace::remaining() {
  constexpr std::uint16_t kRemaining = 0x0001;
  constexpr std::uint16_t kCapacity = 0x0003;
  std::optional<std::uint64_t> left, whole;
  if (const auto log = read_log(link_, support_, log_page::kTapeCapacity)) {
    left = number_of(*log, kRemaining);
    whole = number_of(*log, kCapacity);
  }
  if (!left || !whole) {
    if (!support_.may_have(op::kReadAttribute)) {
      return std::nullopt;
    }
    const MediumWear wear = memory_.wear();
    left = wear.mebibytes_remaining;
    whole = wear.mebibytes_capacity;
  }
  constexpr std::uint64_t kMost = ~std::uint64_t{0} / MiB;
  if (!left || !whole || *left > kMost || *whole > kMost) {
    return std::nullopt;
  }
  return RemainingSpace{.capacity_bytes = *whole * MiB, .remaining_bytes = *left * MiB};
}

bool LoggedSpace::warn_earlier(std::uint64_t bytes) {
  const bool is_set = set_warning(bytes);
  warning_bytes_ = is_set ? bytes : warning_bytes_;
  return is_set;
}

void LoggedSpace::renew_warning() noexcept {
  try {
    static_cast<void>(warning_bytes_ == 0 || set_warning(warning_bytes_));
  } catch (const Error&) {
    // Its own warning remains.
  }
}

void LoggedSpace::give_back_warning() noexcept {
  try {
    static_cast<void>(warning_bytes_ == 0 || set_warning(0));
  } catch (const Error&) {
    // It is gone, or will be told by the next one.
  }
  warning_bytes_ = 0;
}

bool LoggedSpace::set_warning(std::uint64_t bytes) {
  constexpr std::uint8_t kPage = 0x10, kSubpage = 0x01;
  constexpr std::size_t kWarningAt = 6;
  constexpr std::uint64_t kMost = 0xffff;
  const bool has_ten = support_.may_have(op::kModeSense10) && support_.may_have(op::kModeSelect10);
  if (!has_ten) {
    return false;
  }
  auto mode =
      parse_mode_data(link_.ask("ask for early warning",
                                mode_sense_10(kPage, kSubpage, kModeListBytes), kModeListBytes),
                      ModeForm::ten);
  if (!mode || mode->page.size() < kWarningAt + 2) {
    return false;
  }
  const std::uint64_t megabytes = bytes / kMegabyte + (bytes % kMegabyte != 0 ? 1 : 0);
  if (megabytes > kMost) {
    return false;
  }
  store_big_endian(mode->page.data() + kWarningAt, static_cast<std::uint16_t>(megabytes));
  mode->density = 0;
  const Bytes list = build_mode_list(*mode, ModeForm::ten);
  const Outcome outcome = link_.run(
      "ask for early warning", mode_select_10(static_cast<std::uint16_t>(list.size())), {}, list);
  if (!outcome.good && !outcome.is_unsupported()) {
    link_.fail("ask for early warning", outcome.sense);
  }
  return outcome.good;
}

std::vector<std::uint64_t> ReportedWraps::ends_of_wraps() {
  return parse_ends_of_wraps(
      link_.ask("ask for the ends of wraps", read_ends_of_wraps(kWrapBytes), kWrapBytes));
}

std::vector<std::size_t> RecommendedOrder::recommend(std::span<const BlockRange> ranges) {
  if (ranges.size() > most_ranges_) {
    throw Error(ErrorCode::invalid, "ask for an access order of " + std::to_string(ranges.size()) +
                                        " ranges: the drive takes at most " +
                                        std::to_string(most_ranges_));
  }
  if (ranges.empty()) {
    return {};
  }
  const Bytes list = build_access_ranges(ranges);
  link_.must("send what is to be ordered",
             generate_access_order(static_cast<std::uint32_t>(list.size())), {}, list);
  const std::size_t most = 8 + ranges.size() * kAccessRangeBytes;
  const Bytes answer = link_.ask("ask for the access order",
                                 receive_access_order(0, static_cast<std::uint32_t>(most)), most);
  const auto order = parse_access_order(answer, ranges.size());
  if (!order) {
    throw Error(ErrorCode::io, "ask for the access order: the drive's answer makes no sense");
  }
  return *order;
}

ScsiFeatures::ScsiFeatures(DriveLink& link, const DriveSupport& support)
    : link_(link),
      support_(support),
      memory_(link),
      alerts_(link, support),
      gauges_(link, support, alerts_),
      space_(link, support, memory_),
      wraps_(link) {}

void ScsiFeatures::try_with_medium() {
  was_tried_ = true;
  std::byte start[4] = {};
  has_memory_ = support_.may_have(op::kReadAttribute) &&
                link_.run("try READ ATTRIBUTE", read_attribute(0, 4), start).good;
  has_wraps_ = support_.may_have(op::kMaintenanceIn, kEndOfWrapAction) &&
               link_.run("try READ END OF WRAP POSITION", read_ends_of_wraps(4), start).good;
  if (support_.may_have(op::kMaintenanceIn, kRecommendedOrderAction) &&
      support_.may_have(op::kMaintenanceOut, kRecommendedOrderAction)) {
    const auto limits = parse_access_order_limits(
        link_.ask("try RECEIVE RECOMMENDED ACCESS ORDER", receive_access_order_limits(), 4));
    if (limits && limits->most_ranges > 0 && limits->range_bytes >= kAccessRangeBytes) {
      order_.emplace(link_, limits->most_ranges);
    }
  }
}

DriveFeatures ScsiFeatures::offered(bool has_medium) {
  DriveFeatures offered{.identity = support_.identity};
  const auto logs = [&](std::uint8_t page) { return support_.log_pages.contains(page); };
  if (logs(log_page::kTapeAlertResponse) || logs(log_page::kTapeAlert)) {
    offered.alerts = &alerts_;
  }
  if (logs(log_page::kReadErrors) || logs(log_page::kWriteErrors)) {
    offered.gauges = &gauges_;
  }
  if (!has_medium) {
    return offered;
  }
  if (!was_tried_) {
    try_with_medium();
  }
  offered.memory = has_memory_ ? &memory_ : nullptr;
  offered.space = has_memory_ || logs(log_page::kTapeCapacity) ? &space_ : nullptr;
  offered.wraps = has_wraps_ ? &wraps_ : nullptr;
  offered.access_order = order_ ? &*order_ : nullptr;
  return offered;
}

}  // namespace mixtape::tapeio::scsi
