// SPDX-License-Identifier: Apache-2.0
#include "tools/mount_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>

#include "engine/home/home.h"
#include "tapeio/error.h"
#include "tapeio/library.h"
#include "tools/command.h"
#include "tools/usage.h"

namespace mixtape::tools {
namespace {

// What mount(8), fstab(5) and systemd put there for themselves.
constexpr std::array<std::string_view, 24> kForOthers = {
    "rw",     "defaults", "auto",    "noauto",  "user",       "users",    "nouser", "owner",
    "group",  "nofail",   "_netdev", "dev",     "nodev",      "suid",     "nosuid", "exec",
    "noexec", "async",    "atime",   "noatime", "nodiratime", "relatime", "silent", "norelatime"};

bool for_others(std::string_view option) {
  return option.starts_with("x-") || option.starts_with("X-") || option.starts_with("comment=") ||
         std::find(kForOthers.begin(), kForOthers.end(), option) != kForOthers.end();
}

void apply(MountCommand& command, std::string& home, bool sloppy, const std::string& option) {
  constexpr std::string_view kHome = "home=";
  constexpr std::string_view kMedium = "medium=";
  if (option.starts_with(kHome)) {
    home = option.substr(kHome.size());
  } else if (option.starts_with(kMedium)) {
    command.medium = option.substr(kMedium.size());
  } else if (option == "ro") {
    command.read_only = true;
  } else if (option == "allow_other") {
    command.allow_other = true;
  } else if (option == "nonempty") {
    command.nonempty = true;
  } else if (!option.empty() && !sloppy && !for_others(option)) {
    throw WrongUsage("mount option \"" + printable(option) +
                     "\": there is none of that name; mount.mixtape(8) lists "
                     "them");
  }
}

// As they were typed here, before the process leaves this directory.
void complete_medium(MountCommand& command, const std::filesystem::path& directory) {
  if (command.medium.empty()) {
    if (!command.library.empty() || !command.identity.empty()) {
      throw WrongUsage(
          "--library and --identity go with --medium: a home has its own in mixtape.toml");
    }
    return;
  }
  command.read_only = true;
  if (command.medium.find('/') != std::string::npos) {
    command.medium = (directory / command.medium).lexically_normal().string();
  }
  if (const auto at = tapeio::directory_of_library(command.library)) {
    command.library =
        tapeio::with_directory(command.library, (directory / *at).lexically_normal().string());
  }
  if (!command.identity.empty()) {
    command.identity = directory / command.identity;
  }
}

// "mixtape", "none" and the like are what fstab holds where there is no device.
bool is_home(const std::string& source, const std::filesystem::path& directory) {
  std::error_code unknown;
  return source.find('/') != std::string::npos ||
         (source != "mixtape" && source != "none" &&
          std::filesystem::is_directory(directory / source, unknown));
}

}  // namespace

std::optional<MountCommand> parse_mount_command(const std::vector<std::string>& arguments,
                                                const std::filesystem::path& directory) {
  MountCommand command;
  std::string home;
  std::vector<std::string> lists;
  std::vector<std::string> places;
  std::string type;
  bool sloppy = false;
  bool ignored = false;
  CLI::App app("Shows every version of every archived file as one tree.", "mount.mixtape");
  app.set_version_flag("--version", std::string("mount.mixtape ") + MIXTAPE_VERSION);
  app.add_option("--home", home, "Mixtape's directory");
  app.add_option("--medium", command.medium,
                 "show this medium alone, read-only: its label, or the directory of a disk medium");
  app.add_option("--library", command.library, "with --medium: where it is, like dir:/path");
  app.add_option("-i,--identity", command.identity, "with --medium: file with the key");
  app.add_flag("--foreground", command.foreground, "stay in the foreground, log to stderr");
  app.add_option("-o", lists, "comma-separated: home=DIR, medium=LABEL, ro, allow_other, nonempty")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("-f", command.fake, "check everything and mount nothing");
  app.add_flag("-s", sloppy, "pass over options that nobody knows");
  app.add_option("-N", command.mount_namespace, "mount in this namespace, a file of /proc");
  app.add_option("-t", type, "as mount(8) passes it: mixtape");
  app.add_flag("-n,-v", ignored, "as mount(8) passes them; without meaning here");
  app.add_option("MOUNTPOINT", places, "[HOME] MOUNTPOINT")->required()->expected(1, 2);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Success& done) {
    (void)app.exit(done);
    return std::nullopt;
  } catch (const CLI::ParseError& wrong) {
    throw WrongUsage(printable(wrong_line(app, wrong)) + "; `mount.mixtape --help` says more");
  }
  if (places.size() == 2 && is_home(places.front(), directory)) {
    home = places.front();
  }
  for (const std::string& option : lists) {
    apply(command, home, sloppy, option);
  }
  complete_medium(command, directory);
  command.home = home.empty() ? home::default_home() : directory / home;
  command.mountpoint = (directory / places.back()).lexically_normal();
  return command;
}

}  // namespace mixtape::tools
