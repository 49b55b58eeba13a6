// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/scan_skips.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "tapeio/files.h"

namespace mixtape::archive {
namespace {

constexpr const char* kMountInfo = "/proc/self/mountinfo";
// A host with thousands of containers has some MiB of mounts.
constexpr std::size_t kLargestMountInfo = 64 * MiB;

constexpr std::string_view kOwnMount = "fuse.mixtape";
// Nothing in these lies on a disk.
constexpr std::array<std::string_view, 23> kPseudo{
    "autofs",     "binfmt_misc", "bpf",       "cgroup",   "cgroup2", "configfs",
    "debugfs",    "devpts",      "devtmpfs",  "efivarfs", "fusectl", "hugetlbfs",
    "mqueue",     "nfsd",        "nsfs",      "proc",     "pstore",  "resctrl",
    "rpc_pipefs", "securityfs",  "selinuxfs", "sysfs",    "tracefs"};

// The kernel writes blanks, tabs, newlines and backslashes in names as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && text.size() - i > 3 &&
                         std::all_of(text.begin() + i + 1, text.begin() + i + 4,
                                     [](char digit) { return digit >= '0' && digit <= '7'; });
    if (escaped) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string_view take_until(std::string_view& rest, char end) {
  const std::size_t at = rest.find(end);
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return taken;
}

struct Mount {
  std::string point;
  std::string_view type;
};

// proc(5): id, parent, device, root, mount point, options, optional fields, "-", type, source,
// options.
std::optional<Mount> parse_mount(std::string_view line) {
  constexpr std::string_view kSeparator = " - ";
  const std::size_t separator = line.find(kSeparator);
  if (separator == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view type = line.substr(separator + kSeparator.size());
  for (int i = 0; i < 4; ++i) {
    take_until(line, ' ');
  }
  return Mount{.point = unescape(take_until(line, ' ')), .type = take_until(type, ' ')};
}

std::string why_skipped(std::string_view type) {
  if (type == kOwnMount) {
    return "a mount of Mixtape";
  }
  const bool pseudo = std::find(kPseudo.begin(), kPseudo.end(), type) != kPseudo.end();
  return pseudo ? "a " + std::string(type) + " file system" : "";
}

std::string read_mounts() {
  const tapeio::UniqueFd fd = tapeio::open_file(kMountInfo, O_RDONLY);
  Bytes text;
  for (std::size_t size = 64 * KiB; size <= kLargestMountInfo; size *= 4) {
    text.resize(size);
    const std::size_t length = tapeio::read_full_at(fd.get(), text, 0, kMountInfo);
    if (length < size) {
      text.resize(length);
      break;
    }
  }
  return std::string(as_text(text));
}

}  // namespace

std::vector<std::string> ways_to(const std::string& path) {
  std::vector<std::string> ways{"/"};
  for (std::size_t slash = path.find('/', 1); path.size() > 1; slash = path.find('/', slash + 1)) {
    ways.push_back(path.substr(0, slash));
    if (slash == std::string::npos) {
      break;
    }
  }
  return ways;
}

Skips::Skips(const std::vector<OwnDirectory>& own, std::string_view mounts) {
  for (const OwnDirectory& directory : own) {
    std::error_code absent;
    const auto real = std::filesystem::canonical(directory.path, absent);
    FileStat stat;
    if (!absent && stat_at(AT_FDCWD, real.c_str(), stat) == 0) {
      own_.push_back({.device = stat.device, .inode = stat.inode, .what = directory.what});
    }
  }
  while (!mounts.empty()) {
    const auto mount = parse_mount(take_until(mounts, '\n'));
    if (mount) {
      // A later mount on the same point covers the earlier one.
      mounts_[mount->point] = why_skipped(mount->type);
    }
  }
}

Skips Skips::of_this_machine(const std::vector<OwnDirectory>& own) {
  return {own, read_mounts()};
}

std::string_view Skips::why_own(const FileStat& stat) const {
  const auto found = std::find_if(own_.begin(), own_.end(), [&](const Own& own) {
    return own.device == stat.device && own.inode == stat.inode;
  });
  return found != own_.end() ? std::string_view(found->what) : std::string_view();
}

std::string_view Skips::why(const std::string& path, const FileStat& stat) const {
  if (const std::string_view own = why_own(stat); !own.empty()) {
    return own;
  }
  const auto mount = mounts_.find(path);
  return mount != mounts_.end() ? std::string_view(mount->second) : std::string_view();
}

std::optional<Skips::Obstacle> Skips::on_the_way_to(const std::string& path) const {
  std::optional<Obstacle> mount;
  for (const std::string& way : ways_to(path)) {
    FileStat stat;
    if (stat_at(AT_FDCWD, way.c_str(), stat) != 0) {
      break;
    }
    if (const std::string_view own = why_own(stat); !own.empty()) {
      return Obstacle{way, own};
    }
    if (const auto at = mounts_.find(way); at != mounts_.end()) {
      mount = at->second.empty() ? std::nullopt : std::optional(Obstacle{way, at->second});
    }
  }
  return mount;
}

}  // namespace mixtape::archive
