// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/scan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "engine/archive/scan_walk.h"
#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

// Takes the first component off a path that is not empty; tells whether it was the last.
std::pair<std::string_view, bool> take_component(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view component = path.substr(0, slash);
  const bool last = slash == std::string_view::npos;
  path.remove_prefix(last ? path.size() : slash + 1);
  return {component, last};
}

// Archive order: a directory first, then its non-directories, then its subdirectories.
bool root_less(const ScanRoot& left, const ScanRoot& right) {
  std::string_view a = left.path, b = right.path;
  while (!a.empty() && !b.empty()) {
    const auto [name_a, last_a] = take_component(a);
    const auto [name_b, last_b] = take_component(b);
    if (name_a != name_b) {
      const bool directory_a = !last_a || left.stat.is_directory();
      const bool directory_b = !last_b || right.stat.is_directory();
      return directory_a != directory_b ? directory_b : name_a < name_b;
    }
  }
  return a.empty() && !b.empty();
}

std::string without_base(const std::string& disk, const std::string& base) {
  std::string path = disk.substr(std::min(base.size(), disk.size()));
  path.erase(0, path.find_first_not_of('/'));
  return path;
}

ScanRoot check_root(const std::string& given, const std::string& base, const Skips& skips) {
  const std::string attempt = "back up " + given;
  std::error_code why;
  const std::string disk = std::filesystem::canonical(given, why).string();
  if (why) {
    throw_errno(attempt, why.value());
  }
  ScanRoot root;
  root.path = without_base(disk, base);
  if (const auto obstacle = skips.on_the_way_to(disk)) {
    throw Error(ErrorCode::invalid,
                attempt + ": " + obstacle->path + " is " + std::string(obstacle->why));
  }
  std::uint64_t device = 0;
  for (const std::string& way : ways_to(disk)) {
    if (const int error = stat_at(AT_FDCWD, way.c_str(), root.stat); error != 0) {
      throw_errno(attempt, error);
    }
    root.mounts_crossed += way != "/" && root.stat.device != device ? 1 : 0;
    device = root.stat.device;
  }
  // A file that cannot be read is one trouble among others, also when a shell's * made it a root.
  if (root.stat.is_directory() && faccessat(AT_FDCWD, disk.c_str(), R_OK | X_OK, AT_EACCESS) != 0) {
    throw_errno(attempt);
  }
  return root;
}

std::vector<ScanRoot> check_roots(const ScanRequest& request, const Skips& skips) {
  if (request.roots.empty()) {
    throw Error(ErrorCode::invalid, "back up nothing: name at least one directory or file");
  }
  std::vector<ScanRoot> roots;
  for (const std::string& given : request.roots) {
    roots.push_back(check_root(given, request.base, skips));
  }
  std::sort(roots.begin(), roots.end(), root_less);
  const auto same = [](const ScanRoot& a, const ScanRoot& b) { return a.path == b.path; };
  roots.erase(std::unique(roots.begin(), roots.end(), same), roots.end());
  return roots;
}

// What is taken out of staging lies in Mixtape's home and is wanted nevertheless.
Skips skips_for(const ScanRequest& request) {
  return request.base.empty() ? Skips::of_this_machine(request.own) : Skips({}, "");
}

}  // namespace

void Troubles::add(Trouble trouble) {
  ++count_;
  if (listed_.size() < kMostListed) {
    listed_.push_back(std::move(trouble));
  }
}

Scan scan(const ScanRequest& request, const ScanCatalog* known, Reporter& reporter) {
  const Skips skips = skips_for(request);
  const std::vector<ScanRoot> roots = check_roots(request, skips);
  Scan result(request.scratch);
  result.base = request.base;
  for (const ScanRoot& root : roots) {
    result.roots.push_back(root.path);
  }
  Walk(request, known, skips, reporter, result).run(roots);
  std::sort(result.sizes.begin(), result.sizes.end());
  return result;
}

std::string explain(const ScanRequest& request, const std::string& path) {
  const Skips skips = skips_for(request);
  const std::string absolute = std::filesystem::absolute(path).lexically_normal().string();
  if (const auto obstacle = skips.on_the_way_to(absolute)) {
    return absolute + ": left out, " + (obstacle->path == absolute ? "it" : obstacle->path) +
           " is " + std::string(obstacle->why);
  }
  return request.rules.explain(without_base(absolute, request.base));
}

}  // namespace mixtape::archive
