// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/service/locate_times.h"
#include "engine/service/media.h"
#include "engine/service/status.h"

// How things stand, for people and for programs: `mixtape status`, `mixtape media list` and the
// files under .mixtape/ of a mount say it in the same words.

namespace mixtape::tools {

std::string status_text(const service::Status& status);
nlohmann::json status_json(const service::Status& status);
std::string media_text(const std::vector<service::MediumStatus>& media);
nlohmann::json media_json(const std::vector<service::MediumStatus>& media);
// How long drives take for locates, and what is made of it.
std::string drive_times_text(const std::vector<service::DriveTimes>& drives);
nlohmann::json drive_times_json(const std::vector<service::DriveTimes>& drives);
// Nothing when there are none.
std::string drives_text(const std::vector<service::DriveStatus>& drives);
// Nothing when there are none.
std::string cleaning_text(const std::vector<service::CleaningStatus>& cartridges);
std::string absent_text(const std::vector<std::string>& absent_libraries);
nlohmann::json drives_json(const std::vector<service::DriveStatus>& drives);

}  // namespace mixtape::tools
