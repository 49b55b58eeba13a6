// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/service/status.h"

// How things stand, for people and for programs: `mixtape status`, `mixtape media list` and the
// files under .mixtape/ of a mount say it in the same words.

namespace mixtape::tools {

std::string status_text(const service::Status& status);
nlohmann::json status_json(const service::Status& status);
std::string media_text(const std::vector<service::MediumStatus>& media);
nlohmann::json media_json(const std::vector<service::MediumStatus>& media);
std::string absent_text(const std::vector<std::string>& absent_libraries);

}  // namespace mixtape::tools
