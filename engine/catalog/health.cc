// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/health.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <string_view>

#include "tapeio/tape_alerts.h"

namespace mixtape::catalog {
namespace {

using Count = std::optional<std::uint64_t>;

constexpr std::int64_t kKept = 100;
// Between drives, whose names come from outside: what a name has of these is no name.
constexpr char kBetweenDrives = '\n';

// A drive may claim any number; SQLite holds 63 bits of it.
void bind_count(Statement& statement, int index, const Count& count) {
  if (!count) {
    statement.bind_null(index);
    return;
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  statement.bind(index, static_cast<std::int64_t>(std::min(*count, kMost)));
}

Count count_in(const Statement& row, int column) {
  const auto value = row.maybe_integer(column);
  return value && *value >= 0 ? Count(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

template <typename Each>
void for_each_part(std::string_view text, char separator, Each each) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) {
      each(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string flags_of(const std::vector<tapeio::TapeAlert>& alerts) {
  std::string text;
  for (const tapeio::TapeAlert& alert : alerts) {
    text += (text.empty() ? "" : ",") + std::to_string(alert.flag);
  }
  return text;
}

std::vector<tapeio::TapeAlert> alerts_of(const std::string& flags) {
  std::vector<tapeio::TapeAlert> alerts;
  for_each_part(flags, ',', [&](std::string_view part) {
    std::uint8_t flag = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), flag);
    const bool is_flag = error == std::errc() && end == part.data() + part.size() && flag >= 1 &&
                         flag <= tapeio::kTapeAlertFlags;
    if (is_flag) {
      alerts.push_back(tapeio::tape_alert(flag));
    }
  });
  return alerts;
}

std::string joined(const std::vector<std::string>& drives) {
  std::string text;
  for (const std::string& drive : drives) {
    text += (text.empty() ? "" : std::string(1, kBetweenDrives)) + drive;
  }
  return text;
}

HealthSample sample_from(const Statement& row) {
  HealthSample sample;
  const ByteView medium = row.blob(0);
  std::copy_n(medium.begin(), std::min(medium.size(), sample.medium.size()), sample.medium.begin());
  tapeio::DriveReport& report = sample.report;
  report.serial = row.text(1);
  sample.taken_s = row.integer(2);
  report.drive = row.text(3);
  report.alerts = alerts_of(row.text(4));
  if (!row.is_null(5)) {
    report.health = tapeio::DriveHealth{.corrected_reads = count_in(row, 6),
                                        .uncorrected_reads = count_in(row, 7),
                                        .corrected_writes = count_in(row, 8),
                                        .uncorrected_writes = count_in(row, 9),
                                        .repositions = count_in(row, 10),
                                        .underruns = count_in(row, 11),
                                        .cleaning_requested = row.integer(5) != 0};
  }
  tapeio::MediumWear wear;
  wear.loads = count_in(row, 12);
  wear.mebibytes_written_ever = count_in(row, 13);
  wear.mebibytes_read_ever = count_in(row, 14);
  for_each_part(row.text(15), kBetweenDrives,
                [&](std::string_view drive) { wear.last_drives.emplace_back(drive); });
  if (wear.loads || wear.mebibytes_written_ever || wear.mebibytes_read_ever ||
      !wear.last_drives.empty()) {
    report.wear = std::move(wear);
  }
  const Count capacity = count_in(row, 16);
  const Count remaining = count_in(row, 17);
  if (capacity && remaining) {
    report.space =
        tapeio::RemainingSpace{.capacity_bytes = *capacity, .remaining_bytes = *remaining};
  }
  return sample;
}

}  // namespace

void Health::record(const HealthSample& sample) {
  const tapeio::DriveReport& report = sample.report;
  const tapeio::DriveHealth health = report.health.value_or(tapeio::DriveHealth{});
  const tapeio::MediumWear wear = report.wear.value_or(tapeio::MediumWear{});
  Transaction transaction(database_);
  Statement insert(database_,
                   "INSERT OR REPLACE INTO state.health VALUES "
                   "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, ByteView(sample.medium)).bind_text(2, report.serial).bind(3, sample.taken_s);
  insert.bind_text(4, report.drive).bind_text(5, flags_of(report.alerts));
  bind_count(insert, 6, report.health ? Count(health.cleaning_requested ? 1 : 0) : std::nullopt);
  bind_count(insert, 7, health.corrected_reads);
  bind_count(insert, 8, health.uncorrected_reads);
  bind_count(insert, 9, health.corrected_writes);
  bind_count(insert, 10, health.uncorrected_writes);
  bind_count(insert, 11, health.repositions);
  bind_count(insert, 12, health.underruns);
  bind_count(insert, 13, wear.loads);
  bind_count(insert, 14, wear.mebibytes_written_ever);
  bind_count(insert, 15, wear.mebibytes_read_ever);
  insert.bind_text(16, joined(wear.last_drives));
  bind_count(insert, 17, report.space ? Count(report.space->capacity_bytes) : std::nullopt);
  bind_count(insert, 18, report.space ? Count(report.space->remaining_bytes) : std::nullopt);
  insert.run();
  Statement(database_,
            "DELETE FROM state.health WHERE medium = ?1 AND serial = ?2 AND taken <= "
            "(SELECT taken FROM state.health WHERE medium = ?1 AND serial = ?2 "
            "ORDER BY taken DESC LIMIT 1 OFFSET ?3)")
      .bind(1, ByteView(sample.medium))
      .bind_text(2, report.serial)
      .bind(3, kKept)
      .run();
  transaction.commit();
}

std::vector<HealthSample> Health::newest() {
  Statement query(database_,
                  "SELECT * FROM state.health h WHERE taken = (SELECT max(taken) FROM state.health "
                  "WHERE medium = h.medium AND serial = h.serial) ORDER BY taken DESC, serial");
  std::vector<HealthSample> samples;
  while (query.step()) {
    samples.push_back(sample_from(query));
  }
  return samples;
}

std::vector<PairErrors> Health::pairs() {
  // What was noted of a drive alone has no medium.
  Statement query(database_,
                  "SELECT medium, serial, max(drive), max(min(coalesce(uncorrected_reads, 0), "
                  "1000000000) + min(coalesce(uncorrected_writes, 0), 1000000000)) FROM "
                  "state.health WHERE medium <> zeroblob(16) GROUP BY medium, serial");
  std::vector<PairErrors> pairs;
  while (query.step()) {
    PairErrors& pair = pairs.emplace_back();
    const ByteView medium = query.blob(0);
    std::copy_n(medium.begin(), std::min(medium.size(), pair.medium.size()), pair.medium.begin());
    pair.serial = query.text(1);
    pair.drive = query.text(2);
    pair.errors = static_cast<std::uint64_t>(std::max<std::int64_t>(query.integer(3), 0));
  }
  return pairs;
}

}  // namespace mixtape::catalog
