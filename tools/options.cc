// SPDX-License-Identifier: Apache-2.0
#include "tools/options.h"

#include "engine/service/time_text.h"
#include "tapeio/error.h"
#include "tools/usage.h"

namespace mixtape::tools {

CLI::App* add_command(CLI::App& parent, Command& command, const std::string& name,
                      const std::string& description, std::function<int(Session&)> run,
                      Where where) {
  CLI::App* app = parent.add_subcommand(name, description);
  app->callback([&command, name, run = std::move(run), where] {
    command.name = name;
    command.routed = where == Where::daemon_if_running;
    command.run = run;
  });
  return app;
}

void add_json_flag(CLI::App& app, Command& command) {
  app.add_flag("--json", command.json, "print JSON for programs");
}

void add_wait_flags(CLI::App& app, const Command& command, tapeio::ForPeople& for_people) {
  for_people = command.on_terminal ? tapeio::ForPeople::wait : tapeio::ForPeople::fail;
  CLI::Option* const wait = app.add_flag_callback(
      "--wait", [&for_people] { for_people = tapeio::ForPeople::wait; },
      "wait until somebody has put in a tape that is asked for (default on a terminal)");
  app.add_flag_callback(
         "--no-wait", [&for_people] { for_people = tapeio::ForPeople::fail; },
         "wait for nobody to put a tape into a drive (default elsewhere)")
      ->excludes(wait);
}

CLI::Validator readable_by(std::function<void(const std::string&)> read) {
  return must_pass([read = std::move(read)](const std::string& text) -> std::string {
    try {
      read(text);
      return "";
    } catch (const Error& refused) {
      return refused.what();
    }
  });
}

CLI::Option* add_at_option(CLI::App& app, std::string& at) {
  return app.add_option("--at", at, "as of this time or snapshot")
      ->check(readable_by([](const std::string& text) { (void)service::parse_time(text); }));
}

CLI::Option* add_size_option(CLI::App& app, const std::string& name, std::string& size,
                             const std::string& description) {
  return app.add_option(name, size, description)->check(readable_by([](const std::string& text) {
    (void)home::parse_size(text);
  }));
}

catalog::View view_at(service::Context& context, const std::string& at) {
  if (at.empty()) {
    return {};
  }
  const auto job = context.tree.job_at(service::parse_time(at));
  if (!job) {
    throw Error(ErrorCode::not_found, "--at " + printable(at) + ": the first backup is younger");
  }
  return {job->id};
}

}  // namespace mixtape::tools
