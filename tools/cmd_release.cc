// SPDX-License-Identifier: Apache-2.0
// release: what need not stay on this disk.

#include <CLI/CLI.hpp>

#include "engine/service/release.h"
#include "tools/json_text.h"
#include "tools/options.h"

namespace mixtape::tools {
namespace {

using home::format_size;
using nlohmann::json;

struct ReleaseOptions {
  std::vector<std::string> paths;
  bool remove = false;
};

constexpr std::size_t kMostShown = 20;

json result_json(const service::ReleaseResult& result, bool removed) {
  json released = json::array();
  for (const service::ReleasedFile& file : result.released) {
    json object = {{"size", file.size}};
    put_name(object, "path", file.path);
    released.push_back(std::move(object));
  }
  json refused = json::array();
  for (const service::RefusedFile& file : result.refused) {
    json object = {{"why", printable(file.why)}};
    put_name(object, "path", file.path);
    refused.push_back(std::move(object));
  }
  return {{"deleted", removed},      {"released", released},
          {"bytes", result.bytes},   {"freed_bytes", result.freed_bytes},
          {"absent", result.absent}, {"refused", refused}};
}

std::string result_text(const service::ReleaseResult& result, bool removed) {
  std::string text;
  for (const service::ReleasedFile& file : result.released) {
    text += "/" + printable(file.path) + "\n";
  }
  text += (removed ? "deleted " : "could delete ") + counted(result.released.size(), "file") +
          " (" + format_size(result.bytes) + "), which " + (removed ? "freed " : "would free ") +
          format_size(result.freed_bytes);
  if (!result.refused.empty()) {
    text += "; " + counted(result.refused.size(), "file") + " must stay";
  }
  if (result.absent > 0) {
    text += "; " + std::to_string(result.absent) + " not here";
  }
  text += "\n";
  if (!removed && !result.released.empty()) {
    text += "with --delete they are checked again and deleted; `latest` and the media keep them\n";
  }
  return text;
}

int release(Session& session, const ReleaseOptions& options) {
  service::Context& context = options.remove ? session.writing() : session.reading();
  service::ReleaseRequest request;
  for (const std::string& path : options.paths) {
    request.paths.push_back("/" + session.catalog_path(path));
  }
  request.remove = options.remove;
  PrintableReporter reporter(session.console());
  const service::ReleaseResult result = service::release(context, request, reporter);
  if (session.json()) {
    print_json(session.console(), result_json(result, options.remove));
  } else {
    session.console().out(result_text(result, options.remove));
  }
  for (std::size_t i = 0; i < result.refused.size() && i < kMostShown; ++i) {
    session.console().problem("/" + printable(result.refused[i].path) + ": " +
                              printable(result.refused[i].why));
  }
  if (result.refused.size() > kMostShown) {
    session.console().problem("and " + std::to_string(result.refused.size() - kMostShown) +
                              " more");
  }
  return kSuccess;
}

}  // namespace

void add_release_command(CLI::App& app, Command& command) {
  const auto options = std::make_shared<ReleaseOptions>();
  CLI::App* let_go = add_command(
      app, command, "release", "say which files need not stay here, since media hold them",
      [=](Session& session) { return release(session, *options); }, Where::daemon_if_running);
  let_go->add_option("PATH", options->paths)->required();
  let_go->add_flag("--delete", options->remove, "delete them");
  add_json_flag(*let_go, command);
}

}  // namespace mixtape::tools
