// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/archive/write_job.h"
#include "tools/json_text.h"

// What a job wrote, in words and as JSON: for every command that writes.

namespace mixtape::tools {

[[nodiscard]] std::string written_text(const archive::WriteOutcome& written, bool dry_run);
[[nodiscard]] nlohmann::json written_json(const archive::WriteOutcome& written);

// Of anything with a path and a reason.
template <typename Troubles>
[[nodiscard]] nlohmann::json troubles_json(const Troubles& troubles) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& trouble : troubles) {
    nlohmann::json object = {{"why", trouble.why}};
    put_name(object, "path", trouble.path);
    list.push_back(std::move(object));
  }
  return list;
}

}  // namespace mixtape::tools
