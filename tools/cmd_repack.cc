// SPDX-License-Identifier: Apache-2.0
// repack: what is alive on an old medium goes to others.

#include <CLI/CLI.hpp>
#include <cmath>

#include "engine/service/repack.h"
#include "tools/json_text.h"
#include "tools/options.h"
#include "tools/usage.h"
#include "tools/written_text.h"

namespace mixtape::tools {
namespace {

using home::format_size;
using nlohmann::json;

struct RepackOptions {
  service::RepackRequest request;
  std::string budget;
};

constexpr std::size_t kMostShown = 20;

json result_json(const service::RepackResult& result, const service::RepackRequest& request) {
  return {{"label", request.label},
          {"dry_run", request.dry_run},
          {"files", result.files},
          {"bytes", result.bytes},
          {"batches", result.batches},
          {"written", written_json(result.written)},
          {"left", troubles_json(result.left)},
          {"left_files", result.left_files},
          {"left_bytes", result.left_bytes},
          {"retired", result.retired},
          {"minutes", result.minutes ? json(*result.minutes) : json(nullptr)}};
}

std::string result_text(const service::RepackResult& result,
                        const service::RepackRequest& request) {
  const std::string& label = request.label;
  std::string text =
      "alive on " + label + ": " + counted(result.files, "file") + ", " + format_size(result.bytes);
  text += result.batches > 0 ? "; brought here in " + counted(result.batches, "part") + "\n" : "\n";
  if (result.batches > 0) {
    text += written_text(result.written, request.dry_run);
  }
  if (result.minutes) {
    text += "by the published figures of the tapes that takes about " +
            counted(static_cast<std::uint64_t>(std::ceil(*result.minutes)), "minute") + "\n";
  }
  if (result.left_files > 0) {
    text += counted(result.left_files, "file") + " (" + format_size(result.left_bytes) +
            (request.dry_run          ? ") would stay alive on "
             : result.left_files == 1 ? ") is alive on "
                                      : ") are alive on ") +
            label +
            (result.was_retired ? ", which is retired already\n" : ", which stays in use\n");
  } else if (result.was_retired) {
    text += "medium " + label + " is retired already\n";
  } else {
    text += "medium " + label +
            (request.dry_run ? " would be retired\n"
                             : " is retired now; nothing that is alive needs it any more\n");
  }
  return text;
}

int repack(Session& session, const RepackOptions& options) {
  service::RepackRequest request = options.request;
  if (!options.budget.empty()) {
    request.budget_bytes = home::parse_size(options.budget);
  }
  request.command = session.command_line();
  PrintableReporter reporter(session.console());
  const service::RepackResult result = service::repack(session.writing(), request, reporter);
  if (session.daemon() != nullptr && result.batches > 0 && !request.dry_run) {
    session.daemon()->committed({});
  }
  if (session.json()) {
    print_json(session.console(), result_json(result, request));
  } else {
    session.console().out(result_text(result, request));
  }
  for (std::size_t i = 0; i < result.left.size() && i < kMostShown; ++i) {
    session.console().problem("/" + printable(result.left[i].path) + ": " +
                              printable(result.left[i].why));
  }
  if (result.left_files > kMostShown) {
    session.console().problem("and " + std::to_string(result.left_files - kMostShown) + " more");
  }
  return kSuccess;
}

}  // namespace

void add_repack_command(CLI::App& app, Command& command) {
  const auto options = std::make_shared<RepackOptions>();
  CLI::App* move = add_command(
      app, command, "repack", "move what is alive off an old medium, then retire it",
      [=](Session& session) { return repack(session, *options); }, Where::daemon_if_running);
  move->add_option("LABEL", options->request.label)->required();
  add_size_option(*move, "--budget", options->budget,
                  "how much of it is on this disk at once, like \"200 GiB\" (default: half of "
                  "what is free)")
      ->check(must_pass([](const std::string& size) -> std::string {
        return home::parse_size(size) > 0 ? ""
                                          : "with a budget of 0 nothing could be brought here; say "
                                            "how much may lie on this disk at once";
      }));
  move->add_flag("--dry-run", options->request.dry_run, "say what would be moved, and how long");
  add_wait_flags(*move, command, options->request.for_people);
  add_json_flag(*move, command);
}

}  // namespace mixtape::tools
