// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/service/locate_times.h"
#include "engine/service/media.h"

// Drives and what cleans them, for people and for programs. The texts are empty when there are
// none.

namespace mixtape::tools {

std::string drives_text(const std::vector<service::DriveStatus>& drives);
nlohmann::json drives_json(const std::vector<service::DriveStatus>& drives);
std::string cleaning_text(const std::vector<service::CleaningStatus>& cartridges);
nlohmann::json cleaning_json(const std::vector<service::CleaningStatus>& cartridges);
// How long drives take for locates, and what is made of it.
std::string drive_times_text(const std::vector<service::DriveTimes>& drives);
nlohmann::json drive_times_json(const std::vector<service::DriveTimes>& drives);

}  // namespace mixtape::tools
