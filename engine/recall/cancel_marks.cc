// SPDX-License-Identifier: Apache-2.0
#include "engine/recall/cancel_marks.h"

#include <algorithm>

namespace mixtape::recall {

CancelMark CancelMarks::of(std::int64_t content) {
  const std::lock_guard lock(mutex_);
  if (const auto found = marks_.find(content); found != marks_.end()) {
    if (auto mark = found->second.lock()) {
      return mark;
    }
  }
  if (marks_.size() >= most_) {
    std::erase_if(marks_, [](const auto& each) { return each.second.expired(); });
    most_ = std::max(kFewest, 2 * marks_.size());
  }
  auto mark = std::make_shared<std::atomic<bool>>(false);
  marks_[content] = mark;
  return mark;
}

void CancelMarks::cancelled(std::int64_t content) {
  const std::lock_guard lock(mutex_);
  const auto found = marks_.find(content);
  if (found == marks_.end()) {
    return;
  }
  if (const auto mark = found->second.lock()) {
    *mark = true;
  }
  marks_.erase(found);  // Who begins after this is not meant.
}

std::size_t CancelMarks::size() const {
  const std::lock_guard lock(mutex_);
  return marks_.size();
}

}  // namespace mixtape::recall
