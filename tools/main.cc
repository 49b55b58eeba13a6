// SPDX-License-Identifier: Apache-2.0
// mixtape: parses the command line and runs it, here or in the daemon that has the home mounted.

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "tapeio/error.h"
#include "tools/control_client.h"
#include "tools/stop_signals.h"

namespace {

using namespace mixtape::tools;

int run(const Invocation& invocation) {
  StopSignals signals;
  StandardConsole console(signals.stop());
  int status = kSuccess;
  const auto command = parse_command(invocation, console, status);
  if (!command) {
    return status;
  }
  if (command->routed) {
    try {
      if (const auto there = run_in_daemon(command->home, invocation, console)) {
        return *there;
      }
    } catch (const mixtape::Error& error) {
      console.error("mixtape: " + std::string(error.what()));
      return kFailure;
    }
  }
  return run_command(*command, invocation, console, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_color_st("mixtape"));
  spdlog::set_level(spdlog::level::off);  // What matters to the user goes to the console.
  const int status = run({{argv + 1, argv + argc}, std::filesystem::current_path()});
  return std::fflush(stdout) == 0 ? status : static_cast<int>(kFailure);
}
