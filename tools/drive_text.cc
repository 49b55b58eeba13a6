// SPDX-License-Identifier: Apache-2.0
#include "tools/drive_text.h"

#include <array>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "tools/console.h"
#include "tools/health_text.h"

namespace mixtape::tools {

using nlohmann::json;

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

nlohmann::json cleaning_json(const std::vector<service::CleaningStatus>& cartridges) {
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
