// SPDX-License-Identifier: Apache-2.0
#include "engine/staging/open_files.h"

#include <algorithm>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::staging {
namespace {

bool is_at_or_below(const std::string& path, const std::string& directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

void OpenFiles::opened(Inode inode) {
  const std::lock_guard lock(mutex_);
  ++writers_[inode].count;
}

void OpenFiles::closing(Inode inode) {
  const std::lock_guard lock(mutex_);
  const auto found = writers_.find(inode);
  if (found != writers_.end() && !std::exchange(found->second.closing, true)) {
    ++closing_;
  }
}

void OpenFiles::closed(Inode inode) {
  const std::lock_guard lock(mutex_);
  const auto found = writers_.find(inode);
  MIXTAPE_ASSERT(found != writers_.end());
  if (std::exchange(found->second.closing, false)) {
    --closing_;
    closed_.notify_all();
  }
  if (--found->second.count == 0) {
    writers_.erase(found);
  }
}

void OpenFiles::wait_for_closing(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  closed_.wait_for(lock, limit, [this] { return closing_ == 0; });
}

bool OpenFiles::is_open(Inode inode) const {
  const std::lock_guard lock(mutex_);
  return writers_.contains(inode);
}

void OpenFiles::taken(const std::string& set, Inode inode, const std::string& path,
                      bool has_other_names) {
  const std::lock_guard lock(mutex_);
  Set& taking = sets_[set];
  if (taking.number == 0) {
    taking.number = ++last_set_;
  }
  ++taking.files[inode];
  if (has_other_names) {
    taking.linked[inode].push_back(path);
  }
}

void OpenFiles::dropped(const std::string& set, Inode inode) {
  const std::lock_guard lock(mutex_);
  Set& dropping = sets_[set];
  const auto found = dropping.files.find(inode);
  if (found != dropping.files.end() && --found->second == 0) {
    dropping.files.erase(found);
    dropping.linked.erase(inode);
  }
}

void OpenFiles::renamed(const std::string& from, const std::string& to, bool exchanged) {
  const std::lock_guard lock(mutex_);
  for (auto& [set, taken] : sets_) {
    for (auto& [inode, names] : taken.linked) {
      for (std::string& name : names) {
        if (is_at_or_below(name, from)) {
          name.replace(0, from.size(), to);
        } else if (exchanged && is_at_or_below(name, to)) {
          name.replace(0, to.size(), from);
        }
      }
    }
  }
}

std::size_t OpenFiles::names_in_sets(Inode inode) const {
  const std::lock_guard lock(mutex_);
  std::size_t names = 0;
  for (const auto& [set, taken] : sets_) {
    const auto found = taken.files.find(inode);
    names += found == taken.files.end() ? 0 : found->second;
  }
  return names;
}

std::vector<OpenFiles::SetNumber> OpenFiles::holders(Inode inode) const {
  const std::lock_guard lock(mutex_);
  std::vector<SetNumber> numbers;
  for (const auto& [name, set] : sets_) {
    if (set.files.contains(inode)) {
      numbers.push_back(set.number);
    }
  }
  return numbers;
}

bool OpenFiles::held_by(Inode inode, const std::vector<SetNumber>& sets) const {
  const std::vector<SetNumber> now = holders(inode);
  return std::find_first_of(now.begin(), now.end(), sets.begin(), sets.end()) != now.end();
}

std::vector<std::string> OpenFiles::linked_names(Inode inode) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [set, taken] : sets_) {
    if (const auto found = taken.linked.find(inode); found != taken.linked.end()) {
      names.insert(names.end(), found->second.begin(), found->second.end());
    }
  }
  return names;
}

void OpenFiles::forget_set(const std::string& set) {
  const std::lock_guard lock(mutex_);
  sets_.erase(set);
}

}  // namespace mixtape::staging
