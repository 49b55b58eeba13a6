// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/catalog/wanted.h"
#include "engine/recall/recall.h"

// What is being brought back, in the order in which it will be: `mixtape queue` and
// .mixtape/queue.json say the same.

namespace mixtape::tools {

nlohmann::json queue_json(const std::vector<recall::QueueEntry>& queue);
// `behind`: so many files more are not in the queue yet.
std::string queue_text(const std::vector<recall::QueueEntry>& queue, std::size_t behind = 0);

// The same of what is only kept for the next mount, of `all` the first.
nlohmann::json kept_json(const std::vector<catalog::Wanted::Row>& rows);
std::string kept_text(const std::vector<catalog::Wanted::Row>& rows, std::size_t all);

}  // namespace mixtape::tools
