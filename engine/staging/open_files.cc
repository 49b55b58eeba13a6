// SPDX-License-Identifier: Apache-2.0
#include "engine/staging/open_files.h"

#include <algorithm>
#include <utility>

#include "tapeio/error.h"

namespace mixtape::staging {

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
  std::vector<std::string>& names = sets_[set][inode];
  if (has_other_names) {
    names.push_back(path);
  }
}

bool OpenFiles::in_set(Inode inode) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(sets_.begin(), sets_.end(),
                     [&](const auto& set) { return set.second.contains(inode); });
}

std::vector<std::string> OpenFiles::linked_names(Inode inode) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [set, files] : sets_) {
    if (const auto found = files.find(inode); found != files.end()) {
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
