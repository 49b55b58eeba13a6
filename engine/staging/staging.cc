// SPDX-License-Identifier: Apache-2.0
#include "engine/staging/staging.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>

#include "engine/staging/copy.h"
#include "engine/staging/directory.h"
#include "engine/staging/open_files.h"
#include "tapeio/error.h"

namespace mixtape::staging {
namespace {

constexpr std::string_view kCommitted = ".committed";
constexpr std::string_view kTaking = ".taking";
// The kernel queues the last close right behind close(2); only a duplicate that stays open takes
// longer.
constexpr std::chrono::milliseconds kCloseGrace{200};

Inode inode_of(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

std::string below(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "/" + name;
}

void check_set_name(const std::string& name) {
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos ||
      name.ends_with(kCommitted) || name.ends_with(kTaking)) {
    throw Error(ErrorCode::invalid, "take staged files: '" + name + "' cannot name a set");
  }
}

// Forgets a set that could not be taken whole.
class ForgetUnlessTaken {
 public:
  ForgetUnlessTaken(OpenFiles& files, std::string set) : files_(files), set_(std::move(set)) {}
  ~ForgetUnlessTaken() {
    if (!taken_) {
      files_.forget_set(set_);
    }
  }
  void taken() { taken_ = true; }

 private:
  OpenFiles& files_;
  std::string set_;
  bool taken_ = false;
};

}  // namespace

struct Staging::Impl {
  std::filesystem::path directory;
  std::function<void()> before_change;
  tapeio::UniqueFd tree, flushing, copying;
  std::shared_mutex names;
  OpenFiles files;
  std::atomic<std::uint64_t> next_copy{0};

  void change() const {
    if (before_change) {
      before_change();
    }
  }

  void unlink(int parent, const std::string& name, int flags = 0) const {
    change();
    if (::unlinkat(parent, name.c_str(), flags) != 0 && errno != ENOENT) {
      throw_errno("remove staged " + name);
    }
  }

  void remove_directory(int parent, const std::string& name) const {
    if (const auto directory_fd = find_directory(parent, name)) {
      change();
      clear_directory(directory_fd->get());
      unlink(parent, name, AT_REMOVEDIR);
    }
  }

  // Names that a crashed process had in its sets.
  void remember_set(const std::string& set, int directory_fd, const std::string& path) {
    for (const Child& child : children_of(directory_fd)) {
      if (!child.is_directory()) {
        // Its name in the tree and the one in the set make two.
        files.taken(set, inode_of(child.status), below(path, child.name),
                    child.status.st_nlink > 2);
      } else if (const auto fd = find_directory(directory_fd, child.name)) {
        remember_set(set, fd->get(), below(path, child.name));
      }
    }
  }

  struct Taken {
    bool some = false;  // The set got something, or the directory itself is to be taken.
    bool left = false;  // Something stays in the tree.
  };

  Taken take_files(const std::string& set, int from, int to, const std::string& path,
                   const std::vector<Child>& children) {
    Taken result;
    for (const Child& child : children) {
      if (child.is_directory()) {
        continue;
      }
      const Inode inode = inode_of(child.status);
      if (S_ISSOCK(child.status.st_mode) || files.is_open(inode)) {
        result.left = true;
        continue;
      }
      change();
      if (::linkat(from, child.name.c_str(), to, child.name.c_str(), 0) != 0) {
        throw_errno("take staged " + below(path, child.name));
      }
      files.taken(set, inode, below(path, child.name), child.status.st_nlink > 1);
      result.some = true;
    }
    return result;
  }

  Taken take_directory(const std::string& set, int from, int to, const std::string& path) {
    Taken result;
    std::vector<Child> children;
    {
      const std::unique_lock lock(names);
      children = children_of(from);
      result = take_files(set, from, to, path, children);
    }
    for (const Child& child : children) {
      const auto source = child.is_directory() ? find_directory(from, child.name) : std::nullopt;
      if (!source) {
        continue;
      }
      change();
      make_directory(to, child.name);
      const auto target = find_directory(to, child.name);
      MIXTAPE_ASSERT(target.has_value());
      const Taken inner =
          take_directory(set, source->get(), target->get(), below(path, child.name));
      result.left = result.left || inner.left;
      if (inner.some || !inner.left) {
        copy_metadata(source->get(), target->get());
        result.some = true;
      } else {
        unlink(to, child.name, AT_REMOVEDIR);
      }
    }
    return result;
  }

  // Removes from the tree what still is what the set holds.
  void remove_taken(int from, int set) {
    const std::vector<Child> children = children_of(set);
    {
      const std::unique_lock lock(names);
      for (const Child& child : children) {
        const auto staged = child.is_directory() ? std::nullopt : status_of(from, child.name);
        if (staged && inode_of(*staged) == inode_of(child.status)) {
          unlink(from, child.name);
        }
      }
    }
    for (const Child& child : children) {
      const auto inner = child.is_directory() ? find_directory(set, child.name) : std::nullopt;
      const auto staged = inner ? find_directory(from, child.name) : std::nullopt;
      if (!staged) {
        continue;
      }
      remove_taken(staged->get(), inner->get());
      const std::unique_lock lock(names);
      change();
      if (::unlinkat(from, child.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOTEMPTY &&
          errno != EEXIST && errno != ENOENT) {
        throw_errno("remove staged directory " + child.name);
      }
    }
  }

  bool replace(const std::string& copy, const std::string& path, Inode expected) const {
    const auto now = status_of(tree.get(), path);
    if (!now || !(inode_of(*now) == expected)) {
      return false;
    }
    const std::string link = copy + ".link";
    change();
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
    : impl_(std::make_unique<Impl>()) {
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure) {
    throw_errno("create " + directory.string(), failure.value());
  }
  const tapeio::UniqueFd home = open_directory(directory);
  impl_->directory = std::move(directory);
  impl_->before_change = std::move(before_change);
  for (const char* name : {"tree", "flushing", "copying"}) {
    make_directory(home.get(), name);
  }
  impl_->tree = open_directory(tree());
  impl_->flushing = open_directory(impl_->directory / "flushing");
  impl_->copying = open_directory(impl_->directory / "copying");
  sync_directory(home.get());
  clear_directory(impl_->copying.get());
  for (const Child& child : children_of(impl_->flushing.get())) {
    if (child.is_directory() && child.name.ends_with(kTaking)) {
      impl_->remove_directory(impl_->flushing.get(), child.name);
    } else if (child.is_directory()) {
      if (const auto set = find_directory(impl_->flushing.get(), child.name)) {
        impl_->remember_set(child.name, set->get(), "");
      }
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
  return impl_->files.in_set({device, inode});
}

void Staging::copy_up(const std::string& path, Bytes bytes,
                      const std::function<void(Inode before, Inode after)>& swapped) {
  const auto before = status_of(impl_->tree.get(), path);
  if (!before || !impl_->files.in_set(inode_of(*before))) {
    return;
  }
  const std::string copy = std::to_string(impl_->next_copy++);
  impl_->change();
  copy_file(impl_->tree.get(), path, impl_->copying.get(), copy, bytes == Bytes::keep);
  const auto after = status_of(impl_->copying.get(), copy);
  MIXTAPE_ASSERT(after.has_value());
  {
    const std::unique_lock lock(impl_->names);
    bool replaced = impl_->replace(copy, path, inode_of(*before));
    for (const std::string& name : impl_->files.linked_names(inode_of(*before))) {
      replaced = impl_->replace(copy, name, inode_of(*before)) || replaced;
    }
    if (replaced && swapped) {
      swapped(inode_of(*before), inode_of(*after));
    }
  }
  impl_->unlink(impl_->copying.get(), copy);
}

std::optional<std::filesystem::path> Staging::take(const std::string& set_name) {
  check_set_name(set_name);
  const int flushing = impl_->flushing.get();
  if (status_of(flushing, set_name)) {
    throw Error(ErrorCode::conflict, "take staged files: set " + set_name + " exists already");
  }
  const std::string taking = set_name + std::string(kTaking);
  impl_->remove_directory(flushing, taking);
  impl_->change();
  make_directory(flushing, taking);
  const auto set = find_directory(flushing, taking);
  MIXTAPE_ASSERT(set.has_value());
  impl_->files.wait_for_closing(kCloseGrace);
  ForgetUnlessTaken guard(impl_->files, set_name);
  if (!impl_->take_directory(set_name, impl_->tree.get(), set->get(), "").some) {
    impl_->unlink(flushing, taking, AT_REMOVEDIR);
    return std::nullopt;
  }
  sync_file_system(set->get());
  impl_->change();
  if (::renameat(flushing, taking.c_str(), flushing, set_name.c_str()) != 0) {
    throw_errno("take staged files as " + set_name);
  }
  sync_directory(flushing);
  guard.taken();
  return impl_->directory / "flushing" / set_name;
}

void Staging::commit(const std::string& set_name) {
  check_set_name(set_name);
  const int flushing = impl_->flushing.get();
  const std::string marker = set_name + std::string(kCommitted);
  const auto set = find_directory(flushing, set_name);
  if (!set && !status_of(flushing, marker)) {
    throw Error(ErrorCode::not_found, "commit staged files: there is no set " + set_name);
  }
  impl_->change();
  const tapeio::UniqueFd mark(
      ::openat(flushing, marker.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!mark.valid()) {
    throw_errno("mark set " + set_name + " as committed");
  }
  sync_directory(flushing);
  if (set) {
    impl_->remove_taken(impl_->tree.get(), set->get());
    // The tree's names must be gone for good before those that say what they were.
    sync_file_system(set->get());
    impl_->remove_directory(flushing, set_name);
    sync_directory(flushing);
  }
  impl_->files.forget_set(set_name);
  impl_->unlink(flushing, marker);
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
  impl_->remove_directory(flushing, set_name);
  sync_directory(flushing);
  impl_->files.forget_set(set_name);
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
