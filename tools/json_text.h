// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/command.h"

// Results for programs.

namespace mixtape::tools {

// Puts `name` under `key`; where it is not valid UTF-8 the exact bytes stand in hexadecimal under
// KEY_hex.
void put_name(nlohmann::json& object, const std::string& key, const std::string& name);
void print_json(Console& console, const nlohmann::json& value);

}  // namespace mixtape::tools
