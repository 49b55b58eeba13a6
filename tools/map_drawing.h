// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/service/tape_map.h"

// A tape as a picture: one row for each wrap, what stands on it, where it lies, and the way of the
// head.
//
// Errors: none; names are made printable.

namespace mixtape::tools {

// For a terminal: an archive is a row of '=' or '-', by turns, an index 'i', the beginning of a
// read a digit from '1' on, and '*' from the tenth on. Wraps without data are counted.
[[nodiscard]] std::string map_text(const service::TapeMap& map);
// A whole SVG document, with the path of the head through the reads in their order.
[[nodiscard]] std::string map_svg(const service::TapeMap& map);
[[nodiscard]] nlohmann::json map_json(const service::TapeMap& map);

}  // namespace mixtape::tools
