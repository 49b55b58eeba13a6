// SPDX-License-Identifier: Apache-2.0
#include "tools/status_text.h"

#include <array>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "engine/service/time_text.h"
#include "tools/console.h"
#include "tools/health_text.h"

namespace mixtape::tools {
namespace {

using home::format_size;
using nlohmann::json;

std::string state_text(const service::MediumStatus& medium) {
  if (!medium.known) {
    return !medium.holds ? "unread" : medium.holds->empty() ? "empty" : "foreign";
  }
  switch (medium.medium.state) {
    case catalog::MediumState::active:
      return "active";
    case catalog::MediumState::full:
      return "full";
    case catalog::MediumState::retired:
      return "retired";
    case catalog::MediumState::lost:
      return "lost";
  }
  return "unknown";
}

// Of one that nobody looked into, nothing is said of what it holds.
std::string room_text(const service::MediumStatus& medium) {
  const std::string all = medium.capacity_bytes ? format_size(*medium.capacity_bytes) : "";
  if (!medium.known && !medium.holds) {
    return all.empty() ? "" : ", " + all + " in all";
  }
  return ", " + format_size(medium.used_bytes) + (all.empty() ? "" : " of " + all) +
         (medium.known ? ", " + counted(medium.bundles, "bundle") : "");
}

std::string damage_text(const service::Status& status) {
  std::string text;
  for (const auto& [medium, copies, last_found_s] : status.damaged) {
    text += "damaged: " + std::to_string(copies) + (copies == 1 ? " copy" : " copies") +
            " on medium " + medium.label + ", last found " + service::local_time(last_found_s) +
            "; `mixtape where` tells of each file, and if there are more and more, `mixtape media "
            "retire " +
            medium.label + "`\n";
  }
  for (const std::string& path : status.damaged_paths) {
    text += "  /" + printable(path) + " lacks a copy since; `mixtape backup` writes another\n";
  }
  if (status.damaged_files > status.damaged_paths.size()) {
    text +=
        "  and " + std::to_string(status.damaged_files - status.damaged_paths.size()) + " more\n";
  }
  return text;
}

std::string name_and_place(const catalog::Medium& medium) {
  return medium.label + (medium.location.empty() ? "" : " (" + printable(medium.location) + ")");
}

// What to do about files on too few media: goes on with a full stop.
std::string how_to_copy(const service::Status& status) {
  if (status.could_take.empty()) {
    return "bring a medium with room within reach and run `mixtape backup` again";
  }
  const service::MediumWithFiles& first = status.could_take.front();
  return first.here
             ? "`mixtape backup` writes them to " + name_and_place(first.medium) +
                   " as far as there is room and their files are here"
             : "load medium " + name_and_place(first.medium) + " next and run `mixtape backup`";
}

std::string copies_text(const service::Status& status) {
  if (status.under_copied_files == 0) {
    return "copies: every file is on as many media as the policy asks for\n";
  }
  std::string text = "copies: " + counted(status.under_copied_files, "file") + " (" +
                     format_size(status.under_copied_bytes) +
                     ") are on fewer media than the policy asks for; " + how_to_copy(status) + "\n";
  for (const service::MediumWithFiles& each : status.uncounted) {
    const bool lost = each.medium.state == catalog::MediumState::lost;
    text += "  " + counted(each.files, "file") + " of them (" + format_size(each.bytes) +
            ") have a copy on medium " + name_and_place(each.medium) + ", which is " +
            (lost ? "lost" : "retired") + "; " +
            (lost ? "if it turns up, `mixtape media found " + each.medium.label + "`"
                  : "what is not on this disk any more can be read from it: `mixtape recall`, then "
                    "`mixtape backup`") +
            "\n";
  }
  return text;
}

json files_json(const std::vector<service::MediumWithFiles>& media) {
  json list = json::array();
  for (const service::MediumWithFiles& each : media) {
    list.push_back({{"medium", each.medium.label},
                    {"location", each.medium.location},
                    {"here", each.here},
                    {"files", each.files},
                    {"bytes", each.bytes}});
  }
  return list;
}

json damage_json(const service::Status& status) {
  json list = json::array();
  for (const auto& [medium, copies, last_found_s] : status.damaged) {
    list.push_back({{"medium", medium.label}, {"copies", copies}, {"last_found_s", last_found_s}});
  }
  return list;
}

}  // namespace

nlohmann::json media_json(const std::vector<service::MediumStatus>& media) {
  json list = json::array();
  for (const service::MediumStatus& medium : media) {
    list.push_back(
        {{"label", medium.medium.label},
         {"state", state_text(medium)},
         {"holds", medium.holds ? json(printable(*medium.holds)) : json(nullptr)},
         {"here", medium.here},
         {"place", medium.place},
         {"why_not_here", medium.why_not.empty() ? json(nullptr) : json(printable(medium.why_not))},
         {"location", medium.medium.location},
         {"used_bytes", medium.used_bytes},
         {"capacity_bytes", medium.capacity_bytes ? json(*medium.capacity_bytes) : json(nullptr)},
         {"bundles", medium.bundles},
         {"health", medium_health_json(medium.health)},
         {"errors", errors_json(medium.errors)}});
  }
  return list;
}

std::string media_text(const std::vector<service::MediumStatus>& media) {
  std::string text;
  for (const service::MediumStatus& medium : media) {
    text += "  " + medium.medium.label + "  " + state_text(medium);
    if (medium.holds && !medium.holds->empty()) {
      text += " (" + printable(*medium.holds) + ")";
    }
    text += ", " + (!medium.here           ? std::string("not here")
                    : medium.place.empty() ? "here"
                                           : printable(medium.place));
    if (!medium.medium.location.empty()) {
      text += ", " + printable(medium.medium.location);
    }
    text += room_text(medium) + "\n";
    if (!medium.why_not.empty()) {
      text += "    " + printable(medium.why_not) + "\n";
    }
    text += medium_health_text(medium.health) + errors_text(medium.errors);
  }
  return text.empty() ? "  none\n" : text;
}

std::string drives_text(const std::vector<service::DriveStatus>& drives) {
  std::string text;
  for (const auto& [library, drive, health] : drives) {
    text += "  " + printable(drive.name) + " of " + printable(library) + ": " +
            printable(drive.identity.empty() ? drive.device : drive.identity) + ", ";
    if (!drive.medium) {
      text += "empty";
    } else if (drive.unread && drive.medium->empty()) {
      text += "holds a tape, unread";
    } else {
      text += drive.medium->empty() ? "holds a cartridge without a label"
                                    : "holds " + printable(*drive.medium);
    }
    text += drive.in_use ? ", in use\n" : "\n";
    text += health ? drive_health_text(*health) : "";
  }
  return text;
}

std::string cleaning_text(const std::vector<service::CleaningStatus>& cartridges) {
  std::string text = cartridges.empty() ? "" : "cleaning cartridges:\n";
  for (const auto& [library, cartridge] : cartridges) {
    const std::string label = printable(cartridge.label);
    text += "  " + label + "  " + printable(cartridge.place) + " of " + printable(library);
    if (cartridge.uses_left == 0) {
      text += ", used up; `mixtape media export " + label + "` moves it to where you take it out";
    } else if (cartridge.uses_left) {
      text += ", good for " + counted(*cartridge.uses_left, "cleaning");
    }
    text += "\n";
  }
  return text;
}

std::string absent_text(const std::vector<std::string>& absent_libraries) {
  std::string text;
  for (const std::string& absent : absent_libraries) {
    text += "library not here: " + printable(absent) + "\n";
  }
  return text;
}

json cleaning_json(const std::vector<service::CleaningStatus>& cartridges) {
  json list = json::array();
  for (const auto& [library, cartridge] : cartridges) {
    list.push_back(
        {{"library", printable(library)},
         {"label", printable(cartridge.label)},
         {"place", printable(cartridge.place)},
         {"uses_left", cartridge.uses_left ? json(*cartridge.uses_left) : json(nullptr)}});
  }
  return list;
}

nlohmann::json drives_json(const std::vector<service::DriveStatus>& drives) {
  json list = json::array();
  for (const auto& [library, drive, health] : drives) {
    list.push_back({{"library", printable(library)},
                    {"name", printable(drive.name)},
                    {"device", printable(drive.device)},
                    {"identity", printable(drive.identity)},
                    {"notes", drive.notes},
                    {"medium", drive.medium ? json(printable(*drive.medium)) : json(nullptr)},
                    {"unread", drive.unread},
                    {"in_use", drive.in_use},
                    {"health", health ? drive_health_json(*health) : json(nullptr)}});
  }
  return list;
}

nlohmann::json status_json(const service::Status& status) {
  json object = {{"files", status.totals.files},
                 {"bytes", status.totals.bytes},
                 {"versions", status.totals.versions},
                 {"contents", status.totals.contents},
                 {"media", media_json(status.media)},
                 {"drives", drives_json(status.drives)},
                 {"cleaning_cartridges", cleaning_json(status.cleaning)},
                 {"under_copied_files", status.under_copied_files},
                 {"under_copied_bytes", status.under_copied_bytes},
                 {"uncounted", files_json(status.uncounted)},
                 {"could_take", files_json(status.could_take)},
                 {"damaged", damage_json(status)},
                 {"damaged_files", status.damaged_files},
                 {"unseen_files", status.unseen_files},
                 {"staged_files", status.staged.files},
                 {"staged_bytes", status.staged.bytes},
                 {"cache_bytes", status.cache.bytes},
                 {"cache_limit_bytes", status.cache.limit_bytes},
                 {"cache_pinned_bytes", status.cache.pinned_bytes},
                 {"recovery_key_kept_elsewhere", status.recovery_kept_elsewhere},
                 {"absent_libraries", status.absent_libraries}};
  if (status.last_job) {
    object["last_job"] = service::snapshot_name(status.last_job->started_s);
  }
  return object;
}

std::string status_text(const service::Status& status) {
  std::string text = "catalog: " + counted(status.totals.files, "file") + ", " +
                     format_size(status.totals.bytes) + ", " +
                     counted(status.totals.versions, "version") + "\n";
  text += "last job: " +
          (status.last_job ? service::local_time(status.last_job->started_s) : "none yet") + "\n";
  text += "media:\n" + media_text(status.media);
  if (!status.drives.empty()) {
    text += "drives:\n" + drives_text(status.drives);
  }
  text += cleaning_text(status.cleaning);
  text += copies_text(status);
  text += damage_text(status);
  if (status.unseen_files > 0) {
    text += "  " + std::to_string(status.unseen_files) +
            " of them have their copies on media that were not seen since the catalog was "
            "recovered; attach those and run `mixtape backup`\n";
  }
  text += "staging: " + counted(status.staged.files, "file") + ", " +
          format_size(status.staged.bytes) +
          (status.staged.files > 0 ? "; `mixtape flush` writes them\n" : "\n");
  text += "cache: " + format_size(status.cache.bytes) + " of " +
          format_size(status.cache.limit_bytes) +
          (status.cache.pinned_bytes > 0 ? ", " + format_size(status.cache.pinned_bytes) + " pinned"
                                         : "") +
          "\n";
  text += absent_text(status.absent_libraries);
  if (!status.recovery_kept_elsewhere) {
    text +=
        "recovery key: only on this machine; `mixtape key paper` prints what to keep in a "
        "drawer\n";
  }
  return text;
}

namespace {

constexpr std::array<const char*, order::kWays> kWayNames = {"ahead", "behind", "across"};

std::string decimals(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

}  // namespace

std::string drive_times_text(const std::vector<service::DriveTimes>& drives) {
  std::string text;
  for (const service::DriveTimes& each : drives) {
    text +=
        printable(each.drive.drive) + ", LTO-" + std::to_string(each.drive.generation) + " tapes\n";
    for (std::size_t way = 0; way < order::kWays; ++way) {
      const order::LineFit& line = each.fit[way];
      if (line.samples == 0) {
        continue;
      }
      text += "  " + std::string(kWayNames[way]) + ": " + decimals(line.scale, 2) +
              " times the model " + (line.offset_s < 0 ? "less " : "and ") +
              decimals(std::abs(line.offset_s), 1) + " s; off by " +
              decimals(line.error_before_s, 1) + " s before, " + decimals(line.error_s, 1) +
              " s now (" + counted(line.samples, "locate") + ")\n";
    }
  }
  return text.empty() ? "no locate was measured yet\n" : text;
}

nlohmann::json drive_times_json(const std::vector<service::DriveTimes>& drives) {
  nlohmann::json list = nlohmann::json::array();
  for (const service::DriveTimes& each : drives) {
    nlohmann::json ways = nlohmann::json::object();
    for (std::size_t way = 0; way < order::kWays; ++way) {
      const order::LineFit& line = each.fit[way];
      ways[kWayNames[way]] = {{"locates", line.samples},
                              {"scale", line.scale},
                              {"offset_s", line.offset_s},
                              {"error_before_s", line.error_before_s},
                              {"error_s", line.error_s}};
    }
    list.push_back({{"drive", printable(each.drive.drive)},
                    {"generation", each.drive.generation},
                    {"ways", ways}});
  }
  return list;
}

}  // namespace mixtape::tools
