// SPDX-License-Identifier: Apache-2.0
// mixtape: parses the command line and runs it, here or in the daemon that has the home mounted.

#include <fcntl.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "tools/control_client.h"
#include "tools/stop_signals.h"

namespace {

using namespace mixtape::tools;

// A file opened later must not get the number of a standard stream that the caller closed: results
// would be written into it. Reading from these ends at once, writing to them fails.
void occupy_closed_streams() {
  int fd = STDIN_FILENO;
  while (fd >= STDIN_FILENO && fd <= STDERR_FILENO) {
    fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  ::close(fd);
}

int run(const Invocation& invocation, StandardConsole& console) {
  int status = kSuccess;
  const auto command = parse_command(invocation, console, status);
  if (!command) {
    return status;
  }
  if (command->json) {
    console.progress_as_json();
  }
  if (command->verbose) {
    spdlog::set_level(spdlog::level::debug);
  }
  if (command->routed) {
    if (const auto there = run_in_daemon(command->home, invocation, console)) {
      return *there;
    }
  }
  return run_command(*command, invocation, console, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  occupy_closed_streams();
  StopSignals signals;
  StandardConsole console(signals.stop());
  spdlog::set_default_logger(spdlog::stderr_color_mt("mixtape"));
  spdlog::set_level(spdlog::level::off);  // What matters to the user goes to the console.
  try {
    const int status = run(
        {{argv + 1, argv + argc}, std::filesystem::current_path(), ::isatty(STDERR_FILENO) == 1},
        console);
    console.finish();
    return status;
  } catch (const std::exception& failure) {
    return report_failure(failure, console);
  }
}
