// SPDX-License-Identifier: Apache-2.0
#include "tools/status_text.h"

#include <algorithm>

#include "engine/service/time_text.h"
#include "tools/console.h"
#include "tools/drive_text.h"
#include "tools/health_text.h"
#include "tools/json_text.h"

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
    text += "  /" + printable(path) + " lacks a copy since\n";
  }
  if (status.damaged_files > status.damaged_paths.size()) {
    text +=
        "  and " + std::to_string(status.damaged_files - status.damaged_paths.size()) + " more\n";
  }
  return text;
}

std::string losses_text(const service::Status& status) {
  std::string text;
  for (const service::ToldLoss& told : status.losses) {
    text += "lost: medium " + told.loss.medium + ", " + printable(told.words) + "\n  " +
            printable(told.advice) + "\n";
  }
  return text;
}

// The media to be verified, or which is next.
std::string verify_text(const std::vector<service::MediumStatus>& media) {
  const service::MediumStatus* next = nullptr;
  std::size_t due = 0;
  for (const service::MediumStatus& medium : media) {
    due += std::ranges::count(medium.prospects, service::Prospect::Kind::verification,
                              &service::Prospect::kind);
    if (medium.verify_due_s && (next == nullptr || *medium.verify_due_s < *next->verify_due_s)) {
      next = &medium;
    }
  }
  if (next == nullptr) {
    return "";
  }
  return due > 0 ? "verify: " + std::to_string(due) + (due == 1 ? " medium is" : " media are") +
                       " to be read again; `mixtape verify --due` takes the one that waits "
                       "longest\n"
                 : "verify: next medium " + next->medium.label + " on " +
                       service::local_time(*next->verify_due_s) + "\n";
}

json prospects_json(const std::vector<service::Prospect>& prospects) {
  json list = json::array();
  for (const service::Prospect& prospect : prospects) {
    list.push_back({{"what", prospect.what}, {"advice", prospect.advice}});
  }
  return list;
}

std::string name_and_place(const catalog::Medium& medium) {
  return medium.label + (medium.location.empty() ? "" : " (" + printable(medium.location) + ")");
}

std::string copies_text(const service::Status& status) {
  if (status.under_copied_files == 0) {
    return "copies: " + service::all_copied_text(status) + "\n";
  }
  std::string text = "copies: " + counted(status.under_copied_files, "file") + " (" +
                     format_size(status.under_copied_bytes) +
                     (status.under_copied_files == 1 ? ") is" : ") are") +
                     " on fewer media than the policy asks for; " +
                     printable(service::copies_advice(status)) + "\n";
  if (const std::string unseen = service::unseen_text(status); !unseen.empty()) {
    text += "  " + unseen + "\n";
  }
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

constexpr std::size_t kMostPlaces = 5;

std::string listed(const std::vector<std::string>& labels) {
  std::string text;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == labels.size() ? " and " : ", ") + labels[i];
  }
  return text;
}

// Which media lie too near to each other, and what to do about it.
std::string places_text(const service::Status& status) {
  std::string text;
  for (const service::CrowdedMedia& each : status.crowded) {
    if (&each - status.crowded.data() == kMostPlaces) {
      return text + "  and " + std::to_string(status.crowded.size() - kMostPlaces) +
             " more such groups of media\n";
    }
    text += "places: " + counted(each.files, "file") + " (" + format_size(each.bytes) + ") " +
            (each.files == 1 ? "has" : "have") + " copies on " + listed(each.media);
    text += each.place.empty()
                ? ", and nobody noted where that is kept; `mixtape media move` does\n"
                : ", in one place (" + printable(each.place) +
                      "): take one of these media elsewhere and note it with `mixtape media "
                      "move`\n";
  }
  return text;
}

json places_json(const service::Status& status) {
  json list = json::array();
  for (const service::CrowdedMedia& each : status.crowded) {
    list.push_back({{"place", printable(each.place)},
                    {"media", each.media},
                    {"files", each.files},
                    {"bytes", each.bytes}});
  }
  return list;
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

json losses_json(const service::Status& status) {
  json list = json::array();
  for (const auto& [loss, words, advice] : status.losses) {
    json names = json::array();
    for (const std::string& name : loss.names) {
      json object = json::object();
      put_name(object, "path", name);
      names.push_back(std::move(object));
    }
    const auto number = [](const std::optional<std::uint64_t>& file) {
      return file ? json(*file) : json(nullptr);
    };
    list.push_back({{"medium", loss.medium},
                    {"found_s", loss.found_s},
                    {"files", loss.files},
                    {"first", names},
                    {"known_elsewhere", loss.elsewhere},
                    {"gaps", loss.gaps},
                    {"unopened", loss.unopened},
                    {"unread_index", number(loss.unread_index)},
                    {"unread_from", number(loss.unread_from)}});
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

// What is noted of one that is here counts when it is away.
std::string where_text(const service::MediumStatus& medium) {
  const std::string location = printable(medium.medium.location);
  if (!medium.here) {
    return "not here" + (location.empty() ? "" : ", " + location);
  }
  return (medium.place.empty() ? "here" : printable(medium.place)) +
         (medium.library_place.empty() ? "" : " in " + printable(medium.library_place)) +
         (location.empty() ? "" : ", noted at " + location);
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
         {"library_place", medium.library_place},
         {"why_not_here", medium.why_not.empty() ? json(nullptr) : json(printable(medium.why_not))},
         {"unreadable",
          medium.unreadable.empty() ? json(nullptr) : json(printable(medium.unreadable))},
         {"location", medium.medium.location},
         {"used_bytes", medium.used_bytes},
         {"capacity_bytes", medium.capacity_bytes ? json(*medium.capacity_bytes) : json(nullptr)},
         {"bundles", medium.bundles},
         {"verify_due_s", medium.verify_due_s ? json(*medium.verify_due_s) : json(nullptr)},
         {"to_do", prospects_json(medium.prospects)},
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
    text += ", " + where_text(medium) + room_text(medium) + "\n";
    if (!medium.why_not.empty()) {
      text += "    " + printable(medium.why_not) + "\n";
    }
    if (!medium.unreadable.empty()) {
      text += "    " + printable(medium.unreadable) + "\n";
    }
    for (const service::Prospect& prospect : medium.prospects) {
      text += "    " + prospect.what + "; " + prospect.advice + "\n";
    }
    text += medium_health_text(medium.health) + errors_text(medium.errors);
  }
  return text.empty() ? "  none\n" : text;
}

std::string absent_text(const std::vector<std::string>& absent_libraries) {
  std::string text;
  for (const std::string& absent : absent_libraries) {
    text += "library not here: " + printable(absent) + "\n";
  }
  return text;
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
                 {"crowded_files", status.crowded_files},
                 {"crowded_bytes", status.crowded_bytes},
                 {"crowded", places_json(status)},
                 {"uncounted", files_json(status.uncounted)},
                 {"could_take", files_json(status.could_take)},
                 {"lost", losses_json(status)},
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
                     format_size(status.totals.bytes) + " in latest; " +
                     counted(status.totals.versions, "version") +
                     " of files and directories in all\n";
  text += "last job: " +
          (status.last_job ? service::local_time(status.last_job->started_s) : "none yet") + "\n";
  text += "media:\n" + media_text(status.media);
  if (!status.drives.empty()) {
    text += "drives:\n" + drives_text(status.drives);
  }
  text += cleaning_text(status.cleaning);
  text += copies_text(status);
  text += places_text(status);
  text += losses_text(status);
  text += damage_text(status);
  text += verify_text(status.media);
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

}  // namespace mixtape::tools
