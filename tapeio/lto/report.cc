// SPDX-License-Identifier: Apache-2.0
#include "tapeio/lto/report.h"

#include <cmath>
#include <cstdio>

namespace mixtape::tapeio::lto {
namespace {

constexpr SimKind kAllKinds[kSimKinds] = {
    SimKind::robot,  SimKind::load,     SimKind::initialise, SimKind::unload, SimKind::rewind,
    SimKind::locate, SimKind::transfer, SimKind::reposition, SimKind::waiting};

std::string text_of_seconds(double seconds) {
  char text[64];
  if (seconds < 10) {
    std::snprintf(text, sizeof(text), "%.1f s", seconds);
  } else if (seconds < 60) {
    std::snprintf(text, sizeof(text), "%.0f s", seconds);
  } else {
    const auto whole = static_cast<long long>(std::llround(seconds));
    if (whole < 3600) {
      std::snprintf(text, sizeof(text), "%lld min %lld s", whole / 60, whole % 60);
    } else {
      std::snprintf(text, sizeof(text), "%lld h %lld min", whole / 3600, whole % 3600 / 60);
    }
  }
  return text;
}

}  // namespace

std::string_view to_string(SimKind kind) {
  switch (kind) {
    case SimKind::robot:
      return "robot";
    case SimKind::load:
      return "load";
    case SimKind::initialise:
      return "initialise";
    case SimKind::unload:
      return "unload";
    case SimKind::rewind:
      return "rewind";
    case SimKind::locate:
      return "locate";
    case SimKind::transfer:
      return "transfer";
    case SimKind::reposition:
      return "reposition";
    case SimKind::waiting:
      return "waiting";
  }
  return "unknown";
}

void SimReport::add(SimKind kind, double modelled_s, std::uint64_t operations) {
  seconds[static_cast<int>(kind)] += modelled_s;
  count[static_cast<int>(kind)] += operations;
}

double SimReport::total_seconds() const {
  double sum = 0;
  for (const double part : seconds) {
    sum += part;
  }
  return sum;
}

double SimReport::sequential_share() const {
  const double busy = total_seconds() - seconds_of(SimKind::waiting);
  return busy > 0 ? seconds_of(SimKind::transfer) / busy : 0;
}

SimReport& SimReport::operator+=(const SimReport& other) {
  for (std::size_t kind = 0; kind < kSimKinds; ++kind) {
    seconds[kind] += other.seconds[kind];
    count[kind] += other.count[kind];
  }
  bytes_read += other.bytes_read;
  bytes_written += other.bytes_written;
  repositions += other.repositions;
  underruns += other.underruns;
  return *this;
}

std::string to_string(const SimReport& report) {
  std::string parts;
  for (const SimKind kind : kAllKinds) {
    if (report.seconds_of(kind) > 0) {
      parts.append(parts.empty() ? "" : ", ").append(to_string(kind)).append(" ");
      parts.append(text_of_seconds(report.seconds_of(kind)));
    }
  }
  char share[32];
  std::snprintf(share, sizeof(share), "%.1f", 100 * report.sequential_share());
  std::string text = "simulated: " + text_of_seconds(report.total_seconds());
  text.append(parts.empty() ? "" : " (" + parts + ")");
  text.append(", ").append(share).append(" % sequential, ");
  text.append(std::to_string(report.bytes_read)).append(" bytes read, ");
  text.append(std::to_string(report.bytes_written)).append(" written, ");
  text.append(std::to_string(report.underruns)).append(" underruns, ");
  return text.append(std::to_string(report.repositions)).append(" repositions");
}

}  // namespace mixtape::tapeio::lto
