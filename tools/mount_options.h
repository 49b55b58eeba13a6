// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

// The command line of mount.mixtape, as a user types it and as mount(8) does for fstab.
//
// Errors: throws WrongUsage for a line that makes no sense, which nobody was told yet.

namespace mixtape::tools {

struct MountCommand {
  std::filesystem::path home;             // Absolute.
  std::filesystem::path mountpoint;       // Absolute.
  std::filesystem::path mount_namespace;  // Where to mount, as `mount -N` says; empty: here.
  // A medium that is mounted by itself, read-only: its label or its directory; empty: the home.
  std::string medium;
  std::string library;             // Where it is, a URL; empty: in a library of the home.
  std::filesystem::path identity;  // What opens it, absolute; empty: the keys of the home.
  bool foreground = false;
  bool fake = false;  // Check everything and mount nothing.
  bool read_only = false;
  bool allow_other = false;
  bool nonempty = false;
};

// nullopt: help or version was asked for, and is on standard output.
std::optional<MountCommand> parse_mount_command(const std::vector<std::string>& arguments,
                                                const std::filesystem::path& directory);

}  // namespace mixtape::tools
