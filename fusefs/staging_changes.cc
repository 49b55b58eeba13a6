// SPDX-License-Identifier: Apache-2.0
#include "fusefs/staging_changes.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace mixtape::fusefs {

StagingChanges::StagingChanges() {
  for (unsigned i = 0; i < kMaxCopies; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

void StagingChanges::run(fuse_req_t request, fuse_interrupt_func_t on_interrupt,
                         std::function<void()> work) {
  Number number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      throw Refusal{EINTR};
    }
    number = next_++;
    waiting_[number] = {.request = request, .work = {}};
  }
  // Before the work may begin: afterwards the request may be answered and gone.
  fuse_req_interrupt_func(request, on_interrupt, reinterpret_cast<void*>(number));
  {
    const std::lock_guard lock(mutex_);
    Waiting& waiting = waiting_.at(number);
    if (!waiting.cancelled) {
      waiting.work = std::move(work);
      changed_.notify_all();
      return;
    }
    waiting_.erase(number);
  }
  fuse_reply_err(request, EINTR);
}

void StagingChanges::interrupted(void* token) {
  fuse_req_t request = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(reinterpret_cast<Number>(token));
    if (found == waiting_.end()) {
      return;  // Its copy is being made: it ends soon.
    }
    if (!found->second.work) {
      found->second.cancelled = true;
      return;
    }
    request = found->second.request;
    waiting_.erase(found);
  }
  fuse_reply_err(request, EINTR);
}

std::map<StagingChanges::Number, StagingChanges::Waiting>::iterator StagingChanges::first_ready() {
  return std::find_if(waiting_.begin(), waiting_.end(),
                      [](const auto& entry) { return entry.second.work != nullptr; });
}

void StagingChanges::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return first_ready() != waiting_.end(); })) {
    const auto first = first_ready();
    const std::function<void()> work = std::move(first->second.work);
    waiting_.erase(first);
    ++running_;
    lock.unlock();
    work();
    lock.lock();
    --running_;
    changed_.notify_all();
  }
}

std::size_t StagingChanges::count() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void StagingChanges::close() {
  std::vector<fuse_req_t> refused;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [number, waiting] : waiting_) {
      if (waiting.work) {
        refused.push_back(waiting.request);
      } else {
        waiting.cancelled = true;
      }
    }
    std::erase_if(waiting_, [](const auto& entry) { return entry.second.work != nullptr; });
  }
  for (fuse_req_t request : refused) {
    fuse_reply_err(request, EINTR);
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0; });
}

}  // namespace mixtape::fusefs
