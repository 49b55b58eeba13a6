// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/catalog/health.h"
#include "engine/service/blame.h"

// How media and drives are, as part of `mixtape status` and `mixtape media list`: what drives told
// when they were given back, TapeAlert flags with the standard's names and what to do.

namespace mixtape::tools {

// Of one medium, the newest sample first: how worn it is, and what each drive has against it. Lines
// of their own; empty when nothing is known.
std::string medium_health_text(const std::vector<catalog::HealthSample>& samples);
nlohmann::json medium_health_json(const std::vector<catalog::HealthSample>& samples);
// Of one medium: in which drives it had errors, and whose they are. Lines of their own.
std::string errors_text(const std::vector<service::BlamedErrors>& errors);
nlohmann::json errors_json(const std::vector<service::BlamedErrors>& errors);
// Of the drive that told it.
std::string drive_health_text(const catalog::HealthSample& sample);
nlohmann::json drive_health_json(const catalog::HealthSample& sample);

}  // namespace mixtape::tools
