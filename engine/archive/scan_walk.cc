// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/scan_walk.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

// One descriptor each; the usual limit of a process is 1,024. Deeper paths than this exceed what
// the kernel takes as one path (4,096 bytes) unless their names are shorter than eight bytes.
constexpr std::uint32_t kDeepest = 500;

std::string join(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

// The paths of one directory's names, one after the other in the same memory.
class PathsIn {
 public:
  explicit PathsIn(const std::string& directory)
      : path_(directory.empty() ? directory : directory + "/"), prefix_(path_.size()) {}
  // Until the next one.
  const std::string& of(std::string_view name) {
    path_.resize(prefix_);
    path_ += name;
    return path_;
  }

 private:
  std::string path_;
  const std::size_t prefix_;
};

// A single component compared with the whole path is nearly always meant otherwise.
bool looks_misunderstood(const Pattern& pattern) {
  return pattern.component_count() == 1 && pattern.text().find_first_of("*?[") != std::string::npos;
}

}  // namespace

Walk::Walk(const ScanRequest& request, const ScanCatalog* known, const Skips& skips,
           Reporter& reporter, Scan& result)
    : request_(request), catalog_(known), skips_(skips), reporter_(reporter), result_(result) {
  result_.link_groups.emplace_back();
}

void Walk::run(const std::vector<ScanRoot>& roots) {
  roots_ = &roots;
  visited_.assign(roots.size(), false);
  for (std::uint32_t i = 0; i < roots.size(); ++i) {
    root_at_.emplace(roots[i].path, i);
  }
  for (std::uint32_t i = 0; i < roots.size(); ++i) {
    if (!visited_[i]) {
      start(roots[i], i);
    }
  }
  stop_if_asked();
  for (const auto* patterns : {&request_.rules.include(), &request_.rules.exclude()}) {
    for (const Pattern& pattern : *patterns) {
      if (!decided_.contains(&pattern) && looks_misunderstood(pattern)) {
        reporter_.note("pattern '" + pattern.text() +
                       "' matched nothing: it is compared with the whole path; '**/" +
                       pattern.text() + "' means every directory");
      }
    }
  }
}

void Walk::start(const ScanRoot& root, std::uint32_t number) {
  visited_[number] = true;
  const Rules::Choice choice = choose(root.path);
  const bool leads = choice == Rules::Choice::leads && root.stat.is_directory();
  if (choice != Rules::Choice::taken && !leads) {
    skip(root.path, "the rules leave it out");
    return;
  }
  if (root.stat.is_socket()) {
    skip(root.path, "a socket");
    return;
  }
  const auto id = catalog_ != nullptr ? catalog_->tree.find_path(root.path) : std::nullopt;
  if (!root.stat.is_directory()) {
    const auto known = child_at(id);
    if (auto change =
            describe(root.path, root.stat, root.mounts_crossed, known ? &*known : nullptr)) {
      append(std::move(*change), number);
    }
    if (known && known->is_directory) {
      end_below(root.path, *id, number);
    }
    return;
  }
  Place place;
  place.fd.reset(
      open(result_.on_disk(root.path).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!place.fd.valid()) {
    trouble(root.path, "open", errno);
    return;
  }
  place.path = root.path;
  place.id = id;
  place.stat = root.stat;
  place.mounts_crossed = root.mounts_crossed;
  place.root_device = root.stat.device;
  place.root = number;
  // "/" and the top of a staged set are no entries of any directory.
  place.recorded = root.path.empty();
  if (!place.recorded) {
    const auto known = child_at(id);
    place.change =
        describe(place.path, place.stat, place.mounts_crossed, known ? &*known : nullptr);
  }
  place.choice = choice;
  visit(place);
}

void Walk::enter(Place& parent, const Subdirectory& below) {
  Place place;
  place.parent = &parent;
  place.path = join(parent.path, below.name);
  place.depth = parent.depth + 1;
  place.fd.reset(
      openat(parent.fd.get(), below.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const int open_error = place.fd.valid() ? 0 : errno;
  const int stat_error = open_error == 0 ? stat_of(place.fd.get(), place.stat)
                                         : stat_at(parent.fd.get(), below.name.c_str(), place.stat);
  if (stat_error != 0 || !place.stat.is_directory()) {
    return;  // Gone since it was listed: the next scan will tell what came after it.
  }
  place.mounts_crossed = parent.mounts_crossed + (place.stat.device != parent.stat.device ? 1 : 0);
  place.root = parent.root;
  place.root_device = parent.root_device;
  if (const auto root = root_at_.find(place.path); root != root_at_.end()) {
    place.root = root->second;
    place.root_device = place.stat.device;
    visited_[place.root] = true;
  }
  if (left_out(place.path, place, &parent)) {
    return;
  }
  place.id = below.id;
  if (!place.id && catalog_ != nullptr && parent.id) {
    place.id = catalog_->tree.find_child(*parent.id, below.name);
  }
  const auto known = child_at(place.id);
  place.change = describe(place.path, place.stat, place.mounts_crossed, known ? &*known : nullptr);
  place.choice = below.choice;
  const int error = place.depth > kDeepest ? ENAMETOOLONG : open_error;
  if (error != 0) {
    record_taken(place);
    trouble(place.path, "open", error);
    return;
  }
  visit(place);
}

// What no rule decides. The directory then is as if it were not looked at.
bool Walk::left_out(const std::string& path, const Place& place, const Place* parent) {
  const std::string_view why = skips_.why(result_.on_disk(path), place.stat);
  if (!why.empty()) {
    skip(path, why);
    return true;
  }
  if (request_.one_file_system && place.stat.device != place.root_device) {
    if (place.stat.device != parent->stat.device) {
      skip(path, "another file system");
    }
    return true;
  }
  return false;
}

void Walk::visit(Place& place) {
  breathe();
  std::vector<Subdirectory> below;
  {
    Listing listing;
    PathsIn paths(place.path);
    const auto choose_name = [&](std::string_view name) { return choose(paths.of(name)); };
    if (const int error = listing.read(place.fd.get(), choose_name); error != 0) {
      record_taken(place);
      trouble(place.path, "read", error);
      return;
    }
    if (request_.after_listing) {
      request_.after_listing(place.path);
    }
    listing.stat_all(place.fd.get());
    if (seems_unmounted(place, listing)) {
      trouble(place.path,
              "look below (it was full and now is another, empty directory: not mounted?)", 0);
      return;
    }
    record_taken(place);
    below = merge(place, listing);
  }
  for (const Subdirectory& subdirectory : below) {
    enter(place, subdirectory);
  }
}

std::vector<Walk::Subdirectory> Walk::merge(Place& place, const Listing& listing) {
  std::vector<Subdirectory> below;
  GoneDirectories gone;
  PathsIn paths(place.path);
  auto entry = listing.entries().begin();
  const auto end_of_entries = listing.entries().end();
  const auto name_of = [&](const auto& at) { return listing.name(*at); };
  const auto meet_new = [&] { meet(place, *entry, paths.of(name_of(entry)), nullptr, below); };
  const auto meet_known = [&](const Child& known) {
    for (; entry != end_of_entries && name_of(entry) < known.name; ++entry) {
      meet_new();
    }
    const std::string& path = paths.of(known.name);
    if (entry == end_of_entries || name_of(entry) != known.name || entry->stat.is_socket()) {
      miss(place, known, path, gone);
      return;
    }
    meet(place, *entry, path, &known, below);
    if (known.is_directory && entry->error == 0 && !entry->stat.is_directory()) {
      gone.emplace_back(path, known.path);
    }
    ++entry;
  };
  if (catalog_ != nullptr && place.id) {
    catalog_->sources.children(*place.id, meet_known);
  }
  for (; entry != end_of_entries; ++entry) {
    meet_new();
  }
  // Only now: one statement lists one directory's children at a time.
  for (const auto& [path, id] : gone) {
    end_below(path, id, place.root);
  }
  return below;
}

// The catalog knows it, and the directory does not have it.
void Walk::miss(Place& place, const Child& known, const std::string& path, GoneDirectories& gone) {
  const Rules::Choice choice = choose(path);
  if (choice == Rules::Choice::taken || (choice == Rules::Choice::leads && known.is_directory)) {
    end(path, known.path, place.root);
    if (known.is_directory) {
      gone.emplace_back(path, known.path);
    }
  }
}

void Walk::meet(Place& place, const Listing::Entry& entry, const std::string& path,
                const Child* known, std::vector<Subdirectory>& below) {
  if (entry.error != 0) {
    trouble(path, "look at", entry.error);
    return;
  }
  if (entry.stat.is_directory()) {
    below.push_back({.name = path.substr(place.path.empty() ? 0 : place.path.size() + 1),
                     .id = known != nullptr ? std::optional(known->path) : std::nullopt,
                     .choice = entry.choice});
    return;
  }
  if (entry.choice != Rules::Choice::taken) {
    return;
  }
  if (entry.stat.is_socket()) {
    skip(path, "a socket");
    return;
  }
  const bool other_file_system = entry.stat.device != place.stat.device;
  if (other_file_system && request_.one_file_system) {
    skip(path, "another file system");
    return;
  }
  const auto root = root_at_.find(path);
  if (root != root_at_.end()) {
    visited_[root->second] = true;
  }
  record_place(&place);
  if (auto change =
          describe(path, entry.stat, place.mounts_crossed + (other_file_system ? 1 : 0), known)) {
    append(std::move(*change), root != root_at_.end() ? root->second : place.root);
  }
  breathe();
}

void Walk::record_place(Place* place) {
  if (place == nullptr || place->recorded) {
    return;
  }
  record_place(place->parent);
  place->recorded = true;
  ++result_.directories;
  if (place->change) {
    append(std::move(*place->change), place->root);
    place->change.reset();
  }
}

void Walk::record_taken(Place& place) {
  if (place.choice == Rules::Choice::taken) {
    record_place(&place);
  }
}

// A disk that is not mounted leaves an empty directory behind: fewer mounts lie on the way to it,
// or it is another one than the root was. It is not recorded either, so that the next scan still
// sees the difference.
bool Walk::seems_unmounted(const Place& place, const Listing& listing) {
  if (!place.id || !listing.entries().empty()) {
    return false;
  }
  const auto known = child_at(place.id);
  if (!known || !known->stamp) {
    return false;
  }
  const bool other_root = place.parent == nullptr && known->stamp->inode != place.stat.inode;
  if (known->stamp->device <= place.mounts_crossed && !other_root) {
    return false;
  }
  bool had_children = false;
  catalog_->sources.children(*place.id, [&](const Child&) { had_children = true; });
  return had_children;
}

void Walk::end(const std::string& path, catalog::PathId id, std::uint32_t root) {
  Change change;
  change.kind = ChangeKind::ended;
  change.path = path;
  change.known = id;
  append(std::move(change), root);
}

void Walk::end_below(const std::string& path, catalog::PathId id, std::uint32_t root) {
  GoneDirectories directories;
  catalog_->sources.children(id, [&](const Child& known) {
    std::string child = join(path, known.name);
    const Rules::Choice choice = choose(child);
    if (choice != Rules::Choice::taken && (choice != Rules::Choice::leads || !known.is_directory)) {
      return;
    }
    end(child, known.path, root);
    if (known.is_directory) {
      directories.emplace_back(std::move(child), known.path);
    }
  });
  breathe();
  for (const auto& [child, child_id] : directories) {
    end_below(child, child_id, root);
  }
}

}  // namespace mixtape::archive
