// SPDX-License-Identifier: Apache-2.0
#include "engine/staging/staging.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>

#include "engine/staging/changes.h"
#include "engine/staging/copy.h"
#include "engine/staging/directory.h"
#include "engine/staging/open_files.h"
#include "engine/staging/sets.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::staging {
namespace {

constexpr std::string_view kCommitted = ".committed";
constexpr std::string_view kTaking = ".taking";
// A second name of a copy, on its way into the tree.
constexpr std::string_view kLink = ".link";
// The kernel queues the last close right behind close(2); only a duplicate that stays open takes
// longer.
constexpr std::chrono::milliseconds kCloseGrace{200};

void check_set_name(const std::string& name) {
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos ||
      name.ends_with(kCommitted) || name.ends_with(kTaking)) {
    throw Error(ErrorCode::invalid, "take staged files: '" + name + "' cannot name a set");
  }
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// Takes back what was done, unless it is kept. What cannot be taken back now is what a crash would
// leave: the next start or the next flush removes it.
class TakeBack {
 public:
  explicit TakeBack(std::function<void()> action) : action_(std::move(action)) {}
  ~TakeBack() {
    if (action_) {
      try {
        action_();
      } catch (...) {
        return;
      }
    }
  }
  TakeBack(const TakeBack&) = delete;
  TakeBack& operator=(const TakeBack&) = delete;
  void keep() { action_ = {}; }

 private:
  std::function<void()> action_;
};

}  // namespace

struct Staging::Impl {
  Impl(std::filesystem::path where, std::function<void()> before_change)
      : directory(std::move(where)), changes(std::move(before_change)) {}

  std::filesystem::path directory;
  const Changes changes;
  tapeio::UniqueFd tree, flushing, copying;
  std::mutex taking;   // Held by take(), before `names`.
  LeftOpen left_open;  // Guarded by taking.
  std::shared_mutex names;
  OpenFiles files;
  std::optional<Sets> sets;
  Sets::Busy busy;  // Guarded by names.
  std::atomic<std::uint64_t> next_copy{0};

  struct Staged {
    tapeio::UniqueFd fd;
    struct stat status;
  };
  std::optional<Staged> open_staged(const std::string& path) const {
    Staged staged{
        tapeio::UniqueFd(::openat(tree.get(), path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)), {}};
    if (staged.fd.valid() && ::fstat(staged.fd.get(), &staged.status) == 0) {
      return staged;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
      return std::nullopt;
    }
    throw_errno("open staged " + path);
  }

  // Whether every link of the file is a name in a set or one of these, or of those that takes saw.
  bool knows_all_names(const struct stat& status, std::vector<std::string> paths) const {
    const Inode inode = inode_of(status);
    const std::vector<std::string> linked = files.linked_names(inode);
    paths.insert(paths.end(), linked.begin(), linked.end());
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return files.names_in_sets(inode) + paths.size() >= status.st_nlink;
  }

  bool replace(const std::string& copy, const std::string& path, Inode expected) const {
    const auto now = status_of(tree.get(), path);
    if (!now || !(inode_of(*now) == expected)) {
      return false;
    }
    const auto parent = find_directory(tree.get(), parent_of(path));
    if (!parent) {
      return false;
    }
    const std::string link = copy + std::string(kLink);
    const MadeWritable writable(parent->get());
    changes.announce();
    if (::linkat(copying.get(), copy.c_str(), copying.get(), link.c_str(), 0) != 0 ||
        ::renameat(copying.get(), link.c_str(), tree.get(), path.c_str()) != 0) {
      throw_errno("put copy of staged " + path);
    }
    return true;
  }

  void add_usage(int directory_fd, Usage& usage) const {
    for (const Child& child : children_of(directory_fd)) {
      if (child.is_directory()) {
        if (const auto fd = find_directory(directory_fd, child.name)) {
          add_usage(fd->get(), usage);
        }
      } else {
        ++usage.files;
        usage.bytes +=
            S_ISREG(child.status.st_mode) ? static_cast<std::uint64_t>(child.status.st_size) : 0;
      }
    }
  }
};

Staging::Staging(std::filesystem::path directory, std::function<void()> before_change)
    : impl_(std::make_unique<Impl>(std::move(directory), std::move(before_change))) {
  tapeio::make_directories(impl_->directory);
  const tapeio::UniqueFd home = open_directory(impl_->directory);
  impl_->tree = make_directory(home.get(), "tree");
  impl_->flushing = make_directory(home.get(), "flushing");
  impl_->copying = make_directory(home.get(), "copying");
  impl_->sets.emplace(impl_->tree.get(), impl_->flushing.get(), impl_->changes, impl_->names,
                      impl_->files);
  sync_directory(home.get());
  for (const Child& child : children_of(impl_->flushing.get())) {
    if (child.is_directory()) {
      impl_->sets->remember(child.name);
    }
  }
}

Staging::~Staging() = default;

std::filesystem::path Staging::tree() const {
  return impl_->directory / "tree";
}

std::shared_lock<std::shared_mutex> Staging::hold_names() {
  return std::shared_lock(impl_->names);
}

std::unique_lock<std::shared_mutex> Staging::hold_names_alone() {
  return std::unique_lock(impl_->names);
}

void Staging::opened_for_writing(std::uint64_t device, std::uint64_t inode) {
  impl_->files.opened({device, inode});
}

void Staging::closing_after_writing(std::uint64_t device, std::uint64_t inode) {
  impl_->files.closing({device, inode});
}

void Staging::closed_after_writing(std::uint64_t device, std::uint64_t inode) {
  impl_->files.closed({device, inode});
}

bool Staging::open_for_writing(std::uint64_t device, std::uint64_t inode) {
  return impl_->files.is_open({device, inode});
}

bool Staging::in_set(std::uint64_t device, std::uint64_t inode) {
  return names_in_sets(device, inode) > 0;
}

void Staging::renamed(const std::string& from, const std::string& to, bool exchanged) {
  impl_->files.renamed(from, to, exchanged);
}

std::size_t Staging::names_in_sets(std::uint64_t device, std::uint64_t inode) {
  return impl_->files.names_in_sets({device, inode});
}

void Staging::spare_directories(std::function<bool(Inode directory)> busy) {
  const std::unique_lock lock(impl_->names);
  impl_->busy = std::move(busy);
}

void Staging::drop_half_copies() {
  clear_directory(impl_->copying.get());
}

void Staging::copy_up(const std::vector<std::string>& paths, Bytes bytes,
                      const std::function<void(Inode before, Inode after)>& swapped) {
  const int copying = impl_->copying.get();
  const auto before = impl_->open_staged(paths.at(0));
  if (!before) {
    return;
  }
  const Inode inode = inode_of(before->status);
  const auto holders = impl_->files.holders(inode);
  if (holders.empty()) {
    return;
  }
  if (!impl_->knows_all_names(before->status, paths)) {
    // Those that a take under way has not come to yet.
    const std::lock_guard taken(impl_->taking);
  }
  const std::string copy = std::to_string(impl_->next_copy++);
  const TakeBack drop_copy([&] {
    impl_->changes.unlink(copying, copy + std::string(kLink));
    impl_->changes.unlink(copying, copy);
  });
  impl_->changes.announce();
  copy_file(before->fd.get(), paths[0], copying, copy, bytes == Bytes::keep);
  const auto after = status_of(copying, copy);
  if (!after) {
    throw Error(ErrorCode::io, "copy staged " + paths.at(0) + ": somebody removed the copy from " +
                                   (impl_->directory / "copying").string() + "; try again");
  }
  const std::unique_lock lock(impl_->names);
  if (!impl_->files.held_by(inode, holders)) {
    return;  // Given back meanwhile, and maybe changed: the copy is old.
  }
  bool replaced = false;
  for (const auto& names : {paths, impl_->files.linked_names(inode)}) {
    for (const std::string& name : names) {
      replaced = impl_->replace(copy, name, inode) || replaced;
    }
  }
  if (replaced && swapped) {
    swapped(inode, inode_of(*after));
  }
}

std::optional<std::filesystem::path> Staging::take(const std::string& set_name) {
  check_set_name(set_name);
  const std::lock_guard one_at_a_time(impl_->taking);
  const int flushing = impl_->flushing.get();
  if (status_of(flushing, set_name)) {
    throw Error(ErrorCode::conflict, "take staged files: set " + set_name + " exists already");
  }
  const std::string taking = set_name + std::string(kTaking);
  for (const Child& child : children_of(flushing)) {
    if (child.is_directory() && child.name.ends_with(kTaking)) {
      impl_->sets->remove(child.name, child.name);
    }
  }
  impl_->changes.announce();
  const tapeio::UniqueFd set = make_directory(flushing, taking);
  std::string directory = taking;
  TakeBack give_back([&] {
    try {
      impl_->sets->remove(set_name, directory);
    } catch (...) {
      impl_->files.forget_set(set_name);
      throw;
    }
  });
  impl_->files.wait_for_closing(kCloseGrace);
  Sets::Taken taken = impl_->sets->take(set_name, set.get());
  impl_->left_open = std::move(taken.open);
  if (!taken.some) {
    return std::nullopt;
  }
  sync_file_system(set.get());
  impl_->changes.announce();
  if (::renameat(flushing, taking.c_str(), flushing, set_name.c_str()) != 0) {
    throw_errno("take staged files as " + set_name);
  }
  directory = set_name;
  sync_directory(flushing);
  give_back.keep();
  return impl_->directory / "flushing" / set_name;
}

void LeftOpen::add(const LeftOpen& other) {
  files += other.files;
  for (std::size_t i = 0; i < other.first.size() && first.size() < kNamed; ++i) {
    first.push_back(other.first[i]);
  }
}

LeftOpen Staging::left_open() const {
  const std::lock_guard lock(impl_->taking);
  return impl_->left_open;
}

void Staging::commit(const std::string& set_name,
                     const std::function<void(const std::filesystem::path& set)>& last_look) {
  check_set_name(set_name);
  const int flushing = impl_->flushing.get();
  const std::string marker = set_name + std::string(kCommitted);
  const auto set = find_directory(flushing, set_name);
  if (!set && !status_of(flushing, marker)) {
    throw Error(ErrorCode::not_found, "commit staged files: there is no set " + set_name);
  }
  impl_->changes.announce();
  const tapeio::UniqueFd mark(
      ::openat(flushing, marker.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!mark.valid()) {
    throw_errno("mark set " + set_name + " as committed");
  }
  sync_directory(flushing);
  if (set) {
    Sets::Busy busy;
    {
      const std::unique_lock lock(impl_->names);
      busy = impl_->busy;
    }
    impl_->sets->remove_taken(impl_->tree.get(), set->get(), busy);
    // The tree's names must be gone for good before those that say what they were.
    sync_file_system(set->get());
    if (last_look) {
      last_look(impl_->directory / "flushing" / set_name);
    }
  }
  impl_->sets->remove(set_name, set_name);
  impl_->changes.unlink(flushing, marker);
  sync_directory(flushing);
}

void Staging::give_back(const std::string& set_name) {
  check_set_name(set_name);
  const int flushing = impl_->flushing.get();
  if (status_of(flushing, set_name + std::string(kCommitted))) {
    throw Error(ErrorCode::conflict, "give back staged files: set " + set_name + " is committed");
  }
  if (!status_of(flushing, set_name)) {
    throw Error(ErrorCode::not_found, "give back staged files: there is no set " + set_name);
  }
  impl_->sets->remove(set_name, set_name);
}

std::vector<Staging::Leftover> Staging::leftovers() {
  std::vector<Leftover> found;
  for (const Child& child : children_of(impl_->flushing.get())) {
    if (child.name.ends_with(kCommitted)) {
      found.push_back({child.name.substr(0, child.name.size() - kCommitted.size()), true});
    } else if (child.is_directory() && !child.name.ends_with(kTaking) &&
               !status_of(impl_->flushing.get(), child.name + std::string(kCommitted))) {
      found.push_back({child.name, false});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Leftover& a, const Leftover& b) { return a.set_name < b.set_name; });
  return found;
}

Staging::Usage Staging::usage() {
  Usage usage;
  impl_->add_usage(impl_->tree.get(), usage);
  return usage;
}

}  // namespace mixtape::staging
