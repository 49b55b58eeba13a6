// SPDX-License-Identifier: Apache-2.0
#include "tools/queue_text.h"

#include <algorithm>

#include "engine/home/config.h"
#include "tools/console.h"
#include "tools/json_text.h"

namespace mixtape::tools {

using nlohmann::json;

json queue_json(const std::vector<recall::QueueEntry>& queue) {
  json list = json::array();
  for (const recall::QueueEntry& entry : queue) {
    json object = {{"number", static_cast<std::uint64_t>(entry.id)},
                   {"position", list.size() + 1},
                   {"planned", entry.turn.has_value()},
                   {"here", entry.here},
                   {"medium", entry.medium_label},
                   {"block", entry.block},
                   {"bytes", entry.content.size},
                   {"done_bytes", entry.done_bytes},
                   {"waiting", entry.waiting},
                   {"running", entry.running}};
    if (entry.eta) {
      object["eta_s"] = entry.eta->count();
    }
    put_name(object, "path", entry.what);
    list.push_back(std::move(object));
  }
  return list;
}

namespace {

// One that came just now has no place yet.
bool is_placed(const recall::QueueEntry& entry) {
  return !entry.medium_label.empty();
}

std::string state_of(const recall::QueueEntry& entry) {
  return entry.running ? "running" : (entry.here || !is_placed(entry) ? "waiting" : "away");
}

std::string place_of(const recall::QueueEntry& entry) {
  if (!is_placed(entry)) {
    return "";
  }
  const std::string label = printable(entry.medium_label);
  return entry.here || entry.running ? label + " block " + std::to_string(entry.block) + "  "
                                     : "waits for medium " + label + "  ";
}

std::string more_text(std::size_t behind) {
  return behind > 0 ? "and " + counted(behind, "file") + " more, behind these\n" : "";
}

}  // namespace

std::string queue_text(const std::vector<recall::QueueEntry>& queue, std::size_t behind) {
  std::string text;
  std::size_t position = 0;
  for (const recall::QueueEntry& entry : queue) {
    const std::string turn = std::to_string(++position) + " of " + std::to_string(queue.size());
    text += std::to_string(static_cast<std::uint64_t>(entry.id)) + "  " + state_of(entry) + "  " +
            turn + "  " + place_of(entry) + home::format_size(entry.done_bytes) + " of " +
            home::format_size(entry.content.size) + "  " +
            (entry.eta ? "in " + format_duration(*entry.eta) + "  " : "") + "/" +
            printable(entry.what) + "\n";
  }
  text += more_text(behind);
  return text.empty() ? "nothing is queued\n" : text;
}

json kept_json(const std::vector<catalog::Wanted::Row>& rows) {
  json list = json::array();
  for (const catalog::Wanted::Row& row : rows) {
    json object = {{"number", row.number},
                   {"position", list.size() + 1},
                   {"kept", true},
                   {"bytes", row.wanted->size}};
    put_name(object, "path", row.wanted->path);
    list.push_back(std::move(object));
  }
  return list;
}

std::string kept_text(const std::vector<catalog::Wanted::Row>& rows, std::size_t all) {
  std::string text;
  for (const catalog::Wanted::Row& row : rows) {
    text += std::to_string(row.number) + "  kept  " + home::format_size(row.wanted->size) + "  /" +
            printable(row.wanted->path) + "\n";
  }
  text += more_text(all - std::min(all, rows.size()));
  return text.empty() ? "nothing is queued\n"
                      : text + "nothing is mounted: the next mount brings them back\n";
}

}  // namespace mixtape::tools
