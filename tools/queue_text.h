// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/recall/recall.h"

// What is being brought back, in the order in which it will be: `mixtape queue` and
// .mixtape/queue.json say the same.

namespace mixtape::tools {

nlohmann::json queue_json(const std::vector<recall::QueueEntry>& queue);
// `behind`: so many files more are not in the queue yet.
std::string queue_text(const std::vector<recall::QueueEntry>& queue, std::size_t behind = 0);

}  // namespace mixtape::tools
