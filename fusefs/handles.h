// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

// What the kernel holds open, as the numbers it gives back (fuse_file_info::fh). The table owns it,
// because the kernel releases nothing any more once the tree is unmounted.
//
// Threads: internally synchronised. What `at` returns lives until it is taken: as long as a request
// that names it
//          has no reply. Nothing of it may be touched after the reply, not even a lock that is
//          still held.

namespace mixtape::fusefs {

template <typename Open>
class Handles {
 public:
  std::uint64_t add(std::unique_ptr<Open> open) {
    Open* const address = open.get();
    const std::lock_guard lock(mutex_);
    open_.emplace(address, std::move(open));
    return reinterpret_cast<std::uint64_t>(address);
  }
  [[nodiscard]] Open& at(std::uint64_t handle) const { return *reinterpret_cast<Open*>(handle); }
  [[nodiscard]] std::unique_ptr<Open> take(std::uint64_t handle) {
    const std::lock_guard lock(mutex_);
    auto node = open_.extract(reinterpret_cast<Open*>(handle));
    return node.empty() ? nullptr : std::move(node.mapped());
  }
  [[nodiscard]] std::vector<std::unique_ptr<Open>> take_all() {
    const std::lock_guard lock(mutex_);
    std::vector<std::unique_ptr<Open>> all;
    for (auto& [address, open] : open_) {
      all.push_back(std::move(open));
    }
    open_.clear();
    return all;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<Open*, std::unique_ptr<Open>> open_;  // Guarded by mutex_.
};

}  // namespace mixtape::fusefs
