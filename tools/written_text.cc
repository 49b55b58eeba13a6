// SPDX-License-Identifier: Apache-2.0
#include "tools/written_text.h"

#include <cmath>
#include <optional>

#include "engine/home/config.h"
#include "engine/service/prospects.h"
#include "tools/console.h"

namespace mixtape::tools {
namespace {

using home::format_size;
using nlohmann::json;

// What only tapes have, and not every drive counts.
using TapeCount = std::optional<std::uint64_t>;

TapeCount underruns_of(const archive::MediumUse& use) {
  return use.streaming ? TapeCount(use.streaming->underruns) : std::nullopt;
}

TapeCount repositions_of(const archive::MediumUse& use) {
  return use.streaming ? use.streaming->repositions : std::nullopt;
}

json count_json(TapeCount count) {
  return count ? json(*count) : json();
}

json sum_json(const archive::WriteOutcome& written,
              TapeCount (*count_of)(const archive::MediumUse&)) {
  TapeCount sum;
  for (const archive::MediumUse& use : written.media) {
    if (const TapeCount count = count_of(use)) {
      sum = sum.value_or(0) + *count;
    }
  }
  return count_json(sum);
}

std::string rate_text(double bytes_per_second) {
  return std::to_string(std::llround(bytes_per_second / 1e6)) + " MB/s";
}

// Empty when it was fast enough.
std::string slow_text(const archive::MediumUse& use) {
  const auto slow = use.streaming ? service::slow_tape(*use.streaming, use.label) : std::nullopt;
  return slow ? "    the drive took only " + rate_text(slow->rate) +
                    " and never waited for data; " + "its generation writes " +
                    rate_text(slow->native_rate) + ": clean the drive, and if " + use.label +
                    " stays slow in another one, `mixtape repack " + use.label + "`\n"
              : "";
}

// Whether the tape kept moving: "the drive waited for data 2 times and repositioned 7 times".
std::string streaming_text(const archive::Streaming& streaming) {
  const std::string waited =
      "    the drive waited for data " + counted(streaming.underruns, "time");
  return waited + (streaming.repositions
                       ? " and repositioned " + counted(*streaming.repositions, "time") + "\n"
                       : "; it does not count how often it repositioned\n");
}

}  // namespace

nlohmann::json written_json(const archive::WriteOutcome& written) {
  json media = json::array();
  for (const archive::MediumUse& use : written.media) {
    media.push_back({{"label", use.label},
                     {"bundles", use.bundles},
                     {"archive_bytes", use.archive_bytes},
                     {"index_bytes", use.index_bytes},
                     {"used_bytes", use.used_bytes},
                     {"labelled_now", use.labelled_now},
                     {"full", use.full},
                     {"underruns", count_json(underruns_of(use))},
                     {"repositions", count_json(repositions_of(use))}});
  }
  json no_room = json::array();
  for (const std::string& path : written.no_room) {
    json object;
    put_name(object, "path", path);
    no_room.push_back(std::move(object));
  }
  return {{"files", written.files},
          {"bytes", written.bytes},
          {"media", media},
          {"bad", troubles_json(written.bad)},
          {"too_big", troubles_json(written.too_big)},
          {"no_room", no_room},
          {"underruns", sum_json(written, underruns_of)},
          {"repositions", sum_json(written, repositions_of)}};
}

std::string written_text(const archive::WriteOutcome& written, bool dry_run) {
  std::string text = (dry_run ? "would write: " : "written: ") + counted(written.files, "file") +
                     ", " + format_size(written.bytes) + "\n";
  for (const archive::MediumUse& use : written.media) {
    text += "  " + use.label + ": " + counted(use.bundles, "bundle") + ", " +
            format_size(use.archive_bytes) + ", and " + format_size(use.index_bytes) +
            " of catalog";
    if (use.capacity_bytes) {
      text += "; used " + format_size(use.used_bytes) + " of " + format_size(*use.capacity_bytes);
    }
    text += use.full ? "; full\n" : "\n";
    text += use.streaming ? streaming_text(*use.streaming) : "";
    text += slow_text(use);
  }
  return text;
}

}  // namespace mixtape::tools
