// SPDX-License-Identifier: Apache-2.0
#include "tools/json_text.h"

namespace mixtape::tools {
namespace {

using nlohmann::json;

std::string dump(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

bool is_utf8(const std::string& text) {
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::type_error&) {
    return false;
  }
}

}  // namespace

void put_name(json& object, const std::string& key, const std::string& name) {
  object[key] = name;
  if (!is_utf8(name)) {
    object[key + "_hex"] = to_hex(as_bytes(name));
  }
}

void print_json(Console& console, const json& value) {
  console.out(dump(value, 1) + "\n");
}

}  // namespace mixtape::tools
