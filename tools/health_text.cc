// SPDX-License-Identifier: Apache-2.0
#include "tools/health_text.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "engine/home/config.h"
#include "engine/service/time_text.h"
#include "tapeio/tape_alerts.h"
#include "tools/console.h"

namespace mixtape::tools {
namespace {

using home::format_size;
using nlohmann::json;

// What of a sample is about the medium, or about the drive.
std::vector<tapeio::TapeAlert> alerts_about(const catalog::HealthSample& sample,
                                            bool (*concerns)(std::uint8_t)) {
  std::vector<tapeio::TapeAlert> alerts;
  std::ranges::copy_if(sample.report.alerts, std::back_inserter(alerts),
                       [&](const tapeio::TapeAlert& alert) { return concerns(alert.flag); });
  return alerts;
}

const char* severity_text(tapeio::TapeAlert::Severity severity) {
  switch (severity) {
    case tapeio::TapeAlert::Severity::information:
      return "information";
    case tapeio::TapeAlert::Severity::warning:
      return "warning";
    case tapeio::TapeAlert::Severity::critical:
      return "critical";
  }
  return "unknown";
}

// "    critical: Media (TapeAlert 4, in IBM ULT3580-TD8 YX1): Copy what is on this cartridge ..."
std::string alert_lines(const std::vector<tapeio::TapeAlert>& alerts, const std::string& where) {
  std::string text;
  for (const tapeio::TapeAlert& alert : alerts) {
    text += std::string("    ") + severity_text(alert.severity) + ": " + alert.name +
            " (TapeAlert " + std::to_string(alert.flag) +
            (where.empty() ? "" : ", " + printable(where)) + "): " + alert.advice + "\n";
  }
  return text;
}

json alerts_json(const std::vector<tapeio::TapeAlert>& alerts) {
  json list = json::array();
  for (const tapeio::TapeAlert& alert : alerts) {
    list.push_back({{"flag", alert.flag},
                    {"severity", severity_text(alert.severity)},
                    {"name", alert.name},
                    {"advice", alert.advice}});
  }
  return list;
}

template <typename Value>
json or_null(const std::optional<Value>& value) {
  return value ? json(*value) : json(nullptr);
}

std::string with_comma(const std::string& text, const std::string& more) {
  return text + (text.empty() ? "" : ", ") + more;
}

// Drives may claim any number.
std::string mebibytes(std::uint64_t count) {
  return format_size(std::min(count, ~std::uint64_t{0} / MiB) * MiB);
}

std::string wear_line(const catalog::HealthSample& sample) {
  std::string text;
  if (const auto& wear = sample.report.wear) {
    if (wear->loads) {
      text = with_comma(text, "loaded " + counted(*wear->loads, "time"));
    }
    if (wear->mebibytes_written_ever) {
      text = with_comma(text, mebibytes(*wear->mebibytes_written_ever) + " written");
    }
    if (wear->mebibytes_read_ever) {
      text = with_comma(text, mebibytes(*wear->mebibytes_read_ever) + " read in its life");
    }
  }
  if (const auto& space = sample.report.space) {
    text = with_comma(text, format_size(space->remaining_bytes) + " of " +
                                format_size(space->capacity_bytes) + " left");
  }
  if (text.empty()) {
    return text;
  }
  text = "    wear: " + text + "; " + service::local_time(sample.taken_s) + " in " +
         printable(sample.report.drive);
  if (sample.report.wear && sample.report.wear->last_drives.size() > 1) {
    text += "; before in";
    for (std::size_t i = 1; i < sample.report.wear->last_drives.size(); ++i) {
      text += (i > 1 ? ", " : " ") + printable(sample.report.wear->last_drives[i]);
    }
  }
  return text + "\n";
}

json medium_sample_json(const catalog::HealthSample& sample) {
  json object = {{"drive", printable(sample.report.drive)},
                 {"at_s", sample.taken_s},
                 {"alerts", alerts_json(alerts_about(sample, tapeio::concerns_medium))}};
  const tapeio::MediumWear wear = sample.report.wear.value_or(tapeio::MediumWear{});
  object["loads"] = or_null(wear.loads);
  object["mebibytes_written"] = or_null(wear.mebibytes_written_ever);
  object["mebibytes_read"] = or_null(wear.mebibytes_read_ever);
  object["last_drives"] = json::array();
  for (const std::string& drive : wear.last_drives) {
    object["last_drives"].push_back(printable(drive));
  }
  const auto& space = sample.report.space;
  object["capacity_bytes"] = space ? json(space->capacity_bytes) : json(nullptr);
  object["remaining_bytes"] = space ? json(space->remaining_bytes) : json(nullptr);
  return object;
}

}  // namespace

std::string medium_health_text(const std::vector<catalog::HealthSample>& samples) {
  // Of how worn it is the newest knows most; of what is wrong each drive has its own word.
  std::string text = samples.empty() ? "" : wear_line(samples.front());
  for (const catalog::HealthSample& sample : samples) {
    text += alert_lines(alerts_about(sample, tapeio::concerns_medium),
                        service::local_time(sample.taken_s) + " in " + sample.report.drive);
  }
  return text;
}

std::string errors_text(const std::vector<service::BlamedErrors>& errors) {
  std::string text;
  for (const service::BlamedErrors& each : errors) {
    text += "    errors: " + std::to_string(each.pair.errors) + " failed reads and writes in " +
            printable(each.pair.drive) + ": " + service::blame_text(each.blame) + "; " +
            service::blame_advice(each.blame) + "\n";
  }
  return text;
}

nlohmann::json errors_json(const std::vector<service::BlamedErrors>& errors) {
  json list = json::array();
  for (const service::BlamedErrors& each : errors) {
    list.push_back({{"drive", printable(each.pair.drive)},
                    {"errors", each.pair.errors},
                    {"blame", service::blame_text(each.blame)}});
  }
  return list;
}

std::string drive_health_text(const catalog::HealthSample& sample) {
  std::string text;
  const auto count = [&](const std::optional<std::uint64_t>& value, const std::string& what) {
    if (value && *value > 0) {
      text = with_comma(text, counted(*value, what));
    }
  };
  const tapeio::DriveHealth health = sample.report.health.value_or(tapeio::DriveHealth{});
  count(health.repositions, "reposition");
  count(health.underruns, "underrun");
  count(health.corrected_writes, "corrected write error");
  count(health.uncorrected_writes, "failed write");
  count(health.corrected_reads, "corrected read error");
  count(health.uncorrected_reads, "failed read");
  if (!text.empty()) {
    text = "    " + service::local_time(sample.taken_s) + ": " + text + "\n";
  }
  const std::vector<tapeio::TapeAlert> alerts = alerts_about(sample, tapeio::concerns_drive);
  const bool says_why = std::ranges::any_of(alerts, [](const tapeio::TapeAlert& alert) {
    return alert.flag == tapeio::kCleanNow || alert.flag == tapeio::kCleanPeriodically;
  });
  if (health.cleaning_requested && !says_why) {
    text += "    it asks to be cleaned: put the cleaning cartridge in (`mixtape media clean`)\n";
  }
  return text + alert_lines(alerts, service::local_time(sample.taken_s));
}

nlohmann::json drive_health_json(const catalog::HealthSample& sample) {
  const tapeio::DriveHealth health = sample.report.health.value_or(tapeio::DriveHealth{});
  return {{"at_s", sample.taken_s},
          {"alerts", alerts_json(alerts_about(sample, tapeio::concerns_drive))},
          {"cleaning_requested", health.cleaning_requested},
          {"repositions", or_null(health.repositions)},
          {"underruns", or_null(health.underruns)},
          {"corrected_reads", or_null(health.corrected_reads)},
          {"failed_reads", or_null(health.uncorrected_reads)},
          {"corrected_writes", or_null(health.corrected_writes)},
          {"failed_writes", or_null(health.uncorrected_writes)}};
}

nlohmann::json medium_health_json(const std::vector<catalog::HealthSample>& samples) {
  json list = json::array();
  for (const catalog::HealthSample& sample : samples) {
    list.push_back(medium_sample_json(sample));
  }
  return list;
}

}  // namespace mixtape::tools
