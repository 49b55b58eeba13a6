// SPDX-License-Identifier: Apache-2.0
// mount.mixtape: puts itself into the background and serves the mount until it is unmounted.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stop_token>

#include "engine/service/lone_medium.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/unique_fd.h"
#include "tools/command.h"
#include "tools/mount_daemon.h"
#include "tools/stop_signals.h"

namespace {

using namespace mixtape;
using namespace mixtape::tools;

constexpr std::size_t kLogSize = MiB;
constexpr std::size_t kOldLogs = 3;

void complain(const std::string& why) {
  std::fprintf(stderr, "mount.mixtape: %s\n", why.c_str());
}

// Each small file that somebody has open here costs a descriptor; the usual limit, 1024, is made
// for programs that use select(2).
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

// The parent's side: waits until the daemon is ready or has said why not.
int await_daemon(pid_t daemon, const tapeio::UniqueFd& ready) {
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(ready.get(), &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) {
    return kSuccess;
  }
  int status = 0;
  ::waitpid(daemon, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status)
                                                       : static_cast<int>(kFailure);
}

// From here on nobody sees standard error: words go to the log in the home.
void detach_from_terminal(const std::filesystem::path& home) {
  spdlog::set_default_logger(
      spdlog::rotating_logger_mt("mixtape", (home / "mount.log").string(), kLogSize, kOldLogs));
  spdlog::flush_on(spdlog::level::info);
  const tapeio::UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::dup2(nothing.get(), stream);
  }
}

// The home of a medium that is mounted by itself, and the command that mounts it; none for the
// user's own. A signal to stop is an error here, so that nothing of it stays; behind it they are
// blocked until somebody takes them.
std::unique_ptr<service::LoneMedium> home_of_medium(MountCommand& command) {
  if (command.medium.empty()) {
    return nullptr;
  }
  auto signals = std::make_unique<StopSignals>();
  const std::stop_token stop = signals->stop();
  auto lone = std::make_unique<service::LoneMedium>(
      service::LoneMediumRequest{command.medium, command.home, command.library, command.identity},
      stop);
  signals.reset();
  if (stop.stop_requested()) {
    throw Error(ErrorCode::cancelled, "mount medium " + command.medium + ": stopped");
  }
  command.home = lone->home();
  return lone;
}

int serve(MountCommand command, tapeio::UniqueFd ready) {
  try {
    const std::unique_ptr<service::LoneMedium> lone = home_of_medium(command);
    MountDaemon daemon(command);
    daemon.run([&] {
      if (ready.valid()) {
        detach_from_terminal(command.home);
        const char byte = 1;
        if (::write(ready.get(), &byte, 1) != 1) {
          spdlog::warn("the process that started the mount is gone");
        }
        ready.reset();
      }
    });
    return kSuccess;
  } catch (const std::exception& error) {
    complain(error.what());
  }
  return kFailure;
}

// mount(8) starts its helper outside of the namespace that it was told to mount in.
void enter_namespace(const std::filesystem::path& mount_namespace) {
  const tapeio::UniqueFd fd = tapeio::open_file(mount_namespace, O_RDONLY);
  if (::setns(fd.get(), CLONE_NEWNS) != 0) {
    throw_errno("enter the mount namespace " + mount_namespace.string());
  }
}

int start(const MountCommand& command) {
  if (!command.mount_namespace.empty()) {
    enter_namespace(command.mount_namespace);
  }
  if (command.fake) {
    MountCommand checked = command;
    const std::unique_ptr<service::LoneMedium> lone = home_of_medium(checked);
    check_mount(checked);
    return kSuccess;
  }
  if (command.foreground) {
    return serve(command, {});
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw_errno("make a pipe");
  }
  tapeio::UniqueFd read_end(ends[0]), write_end(ends[1]);
  const pid_t daemon = ::fork();
  if (daemon < 0) {
    throw_errno("go into the background");
  }
  if (daemon > 0) {
    write_end.reset();
    return await_daemon(daemon, read_end);
  }
  read_end.reset();
  ::setsid();
  return serve(command, std::move(write_end));
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  allow_many_descriptors();
  spdlog::set_default_logger(spdlog::stderr_color_mt("mount.mixtape"));
  spdlog::set_level(spdlog::level::info);
  try {
    const auto command =
        parse_mount_command({argv + 1, argv + argc}, std::filesystem::current_path());
    if (!command) {
      return kSuccess;
    }
    // The background process keeps no directory busy.
    if (!command->foreground && ::chdir("/") != 0) {
      throw_errno("go to /");
    }
    return start(*command);
  } catch (const WrongUsage& wrong) {
    complain(wrong.what());
    return kUsage;
  } catch (const std::exception& error) {
    complain(error.what());
    return kFailure;
  }
}
