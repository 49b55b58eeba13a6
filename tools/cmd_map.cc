// SPDX-License-Identifier: Apache-2.0
// map: a medium as a picture.

#include <CLI/CLI.hpp>

#include "engine/service/tape_map.h"
#include "tapeio/files.h"
#include "tools/json_text.h"
#include "tools/map_drawing.h"
#include "tools/options.h"

namespace mixtape::tools {
namespace {

struct MapOptions {
  std::string label;
  std::vector<std::string> paths;
  std::string svg;
};

void draw(const std::filesystem::path& file, const service::TapeMap& map) {
  const std::string what = "draw the map into " + printable(file.string());
  if (std::filesystem::is_directory(file)) {
    throw Error(ErrorCode::conflict, what + ": it is a directory; name a file in it");
  }
  try {
    tapeio::write_file_durably(file, as_bytes(map_svg(map)), 0644);
  } catch (const Error& failure) {
    throw Error(failure.code(), what + ": " + printable(failure.what()));
  }
}

int map(Session& session, const MapOptions& options) {
  std::vector<std::string> paths;
  for (const std::string& path : options.paths) {
    paths.push_back(session.catalog_path(path));
  }
  const service::TapeMap map = service::map_medium(session.reading(), options.label, paths);
  if (!options.svg.empty()) {
    draw(session.absolute(options.svg), map);
    session.console().out("Drew " + printable(options.svg) + ".\n");
  } else if (session.json()) {
    print_json(session.console(), map_json(map));
  } else {
    session.console().out(map_text(map));
  }
  return kSuccess;
}

}  // namespace

void add_map_command(CLI::App& app, Command& command) {
  auto options = std::make_shared<MapOptions>();
  CLI::App* drawn =
      add_command(app, command, "map", "draw what lies where on a medium, and the way of its head",
                  [options](Session& session) { return map(session, *options); });
  drawn->add_option("LABEL", options->label, "the medium")->required();
  drawn->add_option("PATH", options->paths,
                    "files and trees to read from it, in the planned order");
  drawn->add_option("--svg", options->svg, "draw a picture into this file");
  add_json_flag(*drawn, command);
}

}  // namespace mixtape::tools
